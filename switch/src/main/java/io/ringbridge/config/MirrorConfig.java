package io.ringbridge.config;

import io.ringbridge.config.CaptureConfig.Direction;
import io.ringbridge.config.ConfigException.Fault;
import io.ringbridge.datapath.port.Mirrors;
import io.ringbridge.datapath.port.PortVlan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The configuration of a mirror.
 *
 * @param name unique among the mirrors
 * @param from the name of a port, or {@code vlan:} and a number
 * @param direction the frames of the port that are copied; {@code BOTH} for a VLAN, each of whose frames is copied once
 * @param to the name of the port that receives the copies
 */
public record MirrorConfig(String name, String from, Direction direction, String to) {
    static final List<String> KEYS = List.of("name", "from", "direction", "to");
    private static final String VLAN = "vlan:";
    private static final String FROM =
        "the name of a port, or " + VLAN + " and a number from " + PortVlan.MIN + " to " + PortVlan.MAX;

    static MirrorConfig read(final Section section) {
        final String name = Rules.NAME.read(section, "name")
            .orElseThrow(() -> section.missing("name", Rules.NAME.allowed()));
        final String from = section.text("from", FROM).orElseThrow(() -> section.missing("from", FROM));
        if (!PortLimits.NAME.matcher(from).matches() && vlan(from).isEmpty()) {
            throw section.refused("from", from, FROM);
        }
        final Optional<Direction> direction = section.choice("direction", List.of(Direction.values()));
        if (vlan(from).isPresent() && direction.isPresent()) {
            throw section.error("direction",
                "a VLAN has none, since each of its frames is copied once; omit direction");
        }
        final String to =
            section.text("to", StationConfig.PORT).orElseThrow(() -> section.missing("to", StationConfig.PORT));
        if (to.equals(from)) {
            throw section.refused("to", '"' + to + "\" is the port whose frames are copied; name another port",
                section.value("to").orElse(null), "the name of another port");
        }
        return new MirrorConfig(name, from, direction.orElse(Direction.BOTH), to);
    }

    /** Reads the mirrors of a file. */
    static List<MirrorConfig> readAll(final String source, final Section top) {
        final List<MirrorConfig> mirrors = new ArrayList<>();
        final Map<String, Integer> lines = new HashMap<>();
        for (final Node node : top.list("mirrors", "a list of mirrors")) {
            final Section section = Section.of(source, "mirrors[" + mirrors.size() + "]", node, KEYS);
            final MirrorConfig mirror = read(section);
            final Integer line = lines.put(mirror.name, section.lineOf("name"));
            if (line != null) {
                throw section.error("name", '"' + mirror.name + "\" is taken by the mirror on line " + line
                    + "; every mirror needs its own");
            }
            mirrors.add(mirror);
        }
        return List.copyOf(mirrors);
    }

    private static OptionalInt vlan(final String from) {
        final String number = from.startsWith(VLAN) ? from.substring(VLAN.length()) : "";
        if (!number.matches("\\d{1,4}")) {
            return OptionalInt.empty();
        }
        final int vlan = Integer.parseInt(number);
        return vlan < PortVlan.MIN || vlan > PortVlan.MAX ? OptionalInt.empty() : OptionalInt.of(vlan);
    }

    /** Returns the VLAN whose frames are copied; empty for a mirror of a port. */
    public OptionalInt vlan() {
        return vlan(from);
    }

    /** Returns the direction in the syntax of the configuration file; empty for a mirror of a VLAN. */
    public Optional<String> directionWord() {
        return vlan().isPresent() ? Optional.empty() : Optional.of(Spelling.word(direction));
    }

    /** Whether a port is the source or the destination. */
    public boolean uses(final String port) {
        return from.equals(port) || to.equals(port);
    }

    /** Returns the configuration in the form of {@code show config}: the keys that do not have their default. */
    public Map<String, Object> shown() {
        final Map<String, Object> keys = new LinkedHashMap<>();
        keys.put("name", name);
        keys.put("from", from);
        if (direction != Direction.BOTH) {
            keys.put("direction", Spelling.word(direction));
        }
        keys.put("to", to);
        return keys;
    }

    /** Returns the frames that are copied, and the destination, in words. */
    @Override
    public String toString() {
        final String frames = vlan().isPresent() ? "the frames of VLAN " + vlan().getAsInt() : switch (direction) {
            case IN -> "the frames that enter by port " + from;
            case OUT -> "the frames that leave by port " + from;
            case BOTH -> "the frames that enter and leave by port " + from;
        };
        return frames + " to port " + to;
    }

    /**
     * Refuses mirrors whose ports do not exist or do not fit together. A port is the source of mirrors or the
     * destination of mirrors, but not both, so copies are never copied.
     *
     * @param source the file, the option or the command that the mirrors were given to, for messages
     * @param ports the ports of the switch
     */
    public static void checkTogether(final String source, final List<PortConfig> ports,
                                     final List<MirrorConfig> mirrors) {
        if (mirrors.size() > Mirrors.MAX) {
            throw ConfigException.conflict(source + ": mirrors: " + mirrors.size() + " mirrors; at most " + Mirrors.MAX
                + " are allowed", new Fault("mirrors", String.valueOf(mirrors.size()), "at most " + Mirrors.MAX));
        }
        final Map<String, PortConfig> byName =
            ports.stream().collect(Collectors.toMap(PortConfig::name, Function.identity(), (first, _) -> first));
        final Set<String> names = new HashSet<>();
        final Map<String, String> copied = new HashMap<>();
        final Map<String, String> copiedTo = new HashMap<>();
        for (final MirrorConfig mirror : mirrors) {
            final Problems problems = new Problems(source + ": mirror " + mirror.name);
            if (!names.add(mirror.name)) {
                throw problems.conflict("name", mirror.name, "is taken; every mirror needs its own");
            }
            if (mirror.vlan().isEmpty()) {
                problems.checkExists("from", mirror.from, byName);
                copied.put(mirror.from, mirror.name);
            }
            problems.checkExists("to", mirror.to, byName);
            if (byName.get(mirror.to) instanceof final PcapPortConfig capture && !capture.takesFrames()) {
                throw problems.conflict("to", mirror.to, "only replays a capture, and takes no frames");
            }
            copiedTo.put(mirror.to, mirror.name);
            if (copiedTo.containsKey(mirror.from)) {
                throw problems.conflict("from", mirror.from, "is the destination of mirror "
                    + copiedTo.get(mirror.from) + "; copies are not copied again");
            }
            if (copied.containsKey(mirror.to)) {
                throw problems.conflict("to", mirror.to, "is the source of mirror " + copied.get(mirror.to)
                    + "; copies are not copied again");
            }
        }
    }

    /** Creates the errors about one mirror. */
    private record Problems(String where) {
        void checkExists(final String key, final String port, final Map<String, PortConfig> ports) {
            if (!ports.containsKey(port)) {
                final String present = ports.isEmpty() ? "no port" : ports.keySet().stream().sorted()
                    .collect(Collectors.joining(", "));
                throw new ConfigException(where + ": " + key + ": no port is named \"" + port + "\"; there are: "
                    + present, new Fault(key, port, present));
            }
        }

        ConfigException conflict(final String key, final String value, final String why) {
            return ConfigException.conflict(where + ": " + key + ": \"" + value + "\" " + why,
                new Fault(key, value, null));
        }
    }
}
