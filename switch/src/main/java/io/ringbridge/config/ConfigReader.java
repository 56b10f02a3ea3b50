package io.ringbridge.config;

import io.ringbridge.config.ConfigException.Fault;
import io.ringbridge.config.Places.Place;
import io.ringbridge.control.transport.SocketAccess;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.worker.PollMode;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/** Reads configurations from files, and ports and stations from the command line. */
public final class ConfigReader {
    private static final List<String> TOP_KEYS = List.of("workers", "cpus", "poll", "api", "http", "fdb", "recorder",
        "latency", "state", "ports", "mirrors");
    private static final List<String> SETTINGS = List.of("workers", "cpus", "poll");
    private static final int MIN_CAPACITY = 16;
    private static final int MAX_CAPACITY = 1 << 20;
    private static final int MAX_PORTS = Datapath.MAX_PORTS;

    private ConfigReader() {
    }

    /** Reads a file without checking that its processors exist on this host. */
    public static Config read(final Path file) {
        return parse(file.toString(), text(file));
    }

    private static String text(final Path file) {
        try {
            return Files.readString(file);
        } catch (NoSuchFileException _) {
            throw new ConfigException(file + ": no such file");
        } catch (CharacterCodingException _) {
            throw new ConfigException(file + ": not UTF-8 text");
        } catch (final IOException e) {
            throw new ConfigException(file + ": cannot be read: " + e.getMessage());
        }
    }

    /** Reads a file, and checks that its processors exist on this host. */
    public static Config readForHere(final Path file) {
        return parse(file.toString(), text(file), CpuList::whyNotHere);
    }

    /**
     * Parses the text of a file.
     *
     * @param source the name of the file, for messages
     */
    public static Config parse(final String source, final String text) {
        return parse(source, text, _ -> Optional.empty());
    }

    private static Config parse(final String source, final String text,
                                final Function<List<Integer>, Optional<String>> cpuCheck) {
        final Section top = Section.of(source, "", NodeParser.parse(source, text), TOP_KEYS);
        final Section api = top.section("api", List.of("socket", "owner", "group", "mode"));
        final Section fdb = top.section("fdb", List.of("capacity", "ageing"));
        final Section recorder = top.section("recorder", List.of("frames"));
        final Section latency = top.section("latency", List.of("sample"));
        final List<Integer> cpus = top.cpus("cpus").orElse(List.of());
        final int workers = top.integer("workers", 1, Config.MAX_WORKERS)
            .orElseGet(() -> workersFor(cpus));
        checkCpus(top, cpus, workers, cpuCheck);
        final Config config = new Config(workers, cpus,
            top.choice("poll", List.of(PollMode.values())).orElse(Config.DEFAULT.poll()),
            new Config.Api(api.socket("socket"), access(api)),
            Http.read(top.section("http", List.of("listen", "token"))),
            new Config.Fdb(fdb.integer("capacity", MIN_CAPACITY, MAX_CAPACITY).orElse(Config.Fdb.DEFAULT.capacity()),
                ageing(fdb)),
            recorder.integer("frames", 0, Config.MAX_RECORDED_FRAMES).orElse(Config.DEFAULT.recordedFrames()),
            latency.integer("sample", 0, Config.MAX_LATENCY_SAMPLE).orElse(Config.DEFAULT.latencySample()),
            top.text("state", "the path of a directory or none").map(State::parse).orElse(Config.DEFAULT.state()),
            List.of(), MirrorConfig.readAll(source, top));
        return config.withPorts(ports(source, top, api));
    }

    /**
     * Parses a port in the form {@code name=vm1,type=vhost-user,socket=/run/vm1.sock}, or as a JSON object with the
     * same keys. In the first form, commas in values are doubled.
     *
     * @param source the option that the port was given to, for messages
     */
    public static PortConfig parsePort(final String source, final String spec) {
        return PortReader.read(PortReader.section(source, "",
            NodeParser.parseObject(source, spec, PortKey.words())));
    }

    /**
     * Parses new values of a port's keys, in the forms of {@link #parsePort}. A key with an empty value, or with null
     * in JSON, returns to its default.
     *
     * @param source the command that the values were given to, for messages
     * @return the whole port
     */
    public static PortConfig parseChange(final String source, final PortConfig old, final String spec) {
        return PortReader.readChange(source,
            withoutEmpty(NodeParser.parseObject(source, spec, PortKey.words(old.kind()))), old);
    }

    /**
     * Parses new values of the keys {@code workers}, {@code cpus} and {@code poll}, in the forms of
     * {@link #parseChange}. Checks that the processors exist on this host.
     *
     * @return the whole configuration
     */
    public static Config parseSettings(final String source, final Config old, final String spec) {
        final Section section =
            Section.of(source, "", withoutEmpty(NodeParser.parseObject(source, spec, SETTINGS)), SETTINGS);
        final Map<String, Node> given = section.mapping().values();
        final int workers = section.integer("workers", 1, Config.MAX_WORKERS)
            .orElse(given.containsKey("workers") ? Config.DEFAULT.workers() : old.workers());
        final List<Integer> cpus =
            section.cpus("cpus").orElse(given.containsKey("cpus") ? Config.DEFAULT.cpus() : old.cpus());
        checkCpus(section, cpus, workers, CpuList::whyNotHere);
        return old.withWorkers(workers, cpus).withPoll(section.choice("poll", List.of(PollMode.values()))
            .orElse(given.containsKey("poll") ? Config.DEFAULT.poll() : old.poll()));
    }

    /** Returns the number of workers if a file has no key for it. */
    static int workersFor(final List<Integer> cpus) {
        return cpus.isEmpty() ? Config.DEFAULT.workers() : cpus.size();
    }

    private static void checkCpus(final Section section, final List<Integer> cpus, final int workers,
                                  final Function<List<Integer>, Optional<String>> cpuCheck) {
        cpuCheck.apply(cpus).ifPresent(why -> {
            throw section.error("cpus", why);
        });
        if (!cpus.isEmpty() && cpus.size() != workers) {
            throw section.error("cpus", Quantity.of(cpus.size(), "processor") + " for "
                + Quantity.of(workers, "worker") + "; one per worker is needed");
        }
    }

    /** Gives keys with an empty value in the form {@code key=} no value. */
    private static Node withoutEmpty(final Node given) {
        if (!(given instanceof final Node.Mapping mapping)) {
            return given;
        }
        final Map<String, Node> values = new LinkedHashMap<>(mapping.values());
        values.replaceAll((_, node) -> node instanceof final Node.Scalar scalar
            && scalar.kind() == Node.Kind.UNTYPED && scalar.text().isEmpty()
            ? new Node.Scalar(0, "", Node.Kind.NOTHING) : node);
        return new Node.Mapping(mapping.line(), values, mapping.keyLines());
    }

    /**
     * Returns the port of a program that serves one front-end. The front-end chooses the queues and the MTU.
     *
     * @param source the option that the path was given to, for messages
     */
    public static PortConfig parseSingle(final String source, final String name, final String socket) {
        return parsePort(source, PortKey.NAME.word() + '=' + name + ',' + PortKey.QUEUES.word() + '='
            + PortLimits.MAX_QUEUES + ',' + PortKey.MTU.word() + '=' + PortLimits.MAX_MTU + ','
            + PortKey.SOCKET.word() + '=' + socket.replace(",", ",,"));
    }

    /**
     * Parses a station in the form {@code mac=52:54:00:00:00:01,vlan=10,port=vm1}, or as a JSON object with the same
     * keys.
     *
     * @param source the command that the station was given to, for messages
     */
    public static StationConfig parseStation(final String source, final String spec) {
        final Section section = Section.parse(source, spec, StationConfig.KEYS);
        final String mac = section.mac("mac").orElseThrow(() -> section.missing("mac", "the address of a station"));
        return new StationConfig(MacAddress.parse(mac), section.integer("vlan", 0, PortVlan.MAX),
            section.text("port", StationConfig.PORT));
    }

    /**
     * Parses a request for a capture in the form {@code port=vm1,filter=arp}, or as a JSON object with the same keys.
     *
     * @param source the command that the request was given to, for messages
     */
    public static CaptureConfig parseCapture(final String source, final String spec) {
        return CaptureConfig.read(Section.parse(source, spec, CaptureConfig.KEYS));
    }

    /**
     * Parses a mirror in the form {@code name=m1,from=vm1,to=monitor}, or as a JSON object with the same keys.
     *
     * @param source the command that the mirror was given to, for messages
     */
    public static MirrorConfig parseMirror(final String source, final String spec) {
        return MirrorConfig.read(Section.parse(source, spec, MirrorConfig.KEYS));
    }

    /** Parses processors in the form {@code 1,3-5}. */
    public static List<Integer> parseCpus(final String source, final String text) {
        final List<Integer> cpus = new ArrayList<>();
        if (!CpuList.addTo(cpus, text)) {
            throw new ConfigException(source + ": \"" + text + "\" is not " + CpuList.NEEDED);
        }
        return List.copyOf(cpus);
    }

    /** Parses processors, and checks that they exist on this host. */
    public static List<Integer> parseCpusForHere(final String source, final String text) {
        final List<Integer> cpus = parseCpus(source, text);
        CpuList.whyNotHere(cpus).ifPresent(why -> {
            throw new ConfigException(source + ": " + why);
        });
        return cpus;
    }

    /** Refuses ports from different sources if they share a name, socket, device or file. */
    public static void checkTogether(final String source, final List<PortConfig> ports) {
        final Set<String> names = new HashSet<>();
        final Places places = new Places();
        for (final PortConfig port : ports) {
            if (!names.add(port.name())) {
                throw ConfigException.conflict(source + ": name: \"" + port.name()
                    + "\" is taken; every port needs its own", new Fault("name", port.name(), null));
            }
            for (final Place place : port.places()) {
                places.claim(place, "port " + port.name()).ifPresent(other -> {
                    throw ConfigException.conflict(source + ": " + place.key().word() + ": " + place.name()
                        + " is used by " + other + "; every port needs its own",
                        new Fault(place.key().word(), place.name(), null));
                });
            }
        }
    }

    private static List<PortConfig> ports(final String source, final Section top, final Section api) {
        final List<Node> nodes = top.list("ports", "a list of ports");
        if (nodes.size() > MAX_PORTS) {
            throw top.error("ports", nodes.size() + " ports; at most " + MAX_PORTS + " are allowed");
        }
        final List<PortConfig> ports = new ArrayList<>();
        final Map<String, String> names = new HashMap<>();
        final Places places = new Places();
        api.socket("socket").ifPresent(
            path -> places.claim(Place.socket(path.toString()), "the API on line " + api.lineOf("socket")));
        for (int i = 0; i < nodes.size(); i++) {
            final Section section = PortReader.section(source, "ports[" + i + "]", nodes.get(i));
            final PortConfig port = PortReader.read(section);
            final String sameName = names.put(port.name(), "the port on line " + section.lineOf("name"));
            if (sameName != null) {
                throw section.error("name",
                    '"' + port.name() + "\" is taken by " + sameName + "; every port needs its own");
            }
            for (final Place place : port.places()) {
                final String who = "port " + port.name() + " on line " + section.lineOf(place.key().word());
                places.claim(place, who).ifPresent(other -> {
                    throw section.error(place.key().word(),
                        place.name() + " is used by " + other + "; every port needs its own");
                });
            }
            ports.add(port);
        }
        return ports;
    }

    private static SocketAccess access(final Section api) {
        return new SocketAccess(Rules.PERMISSIONS.read(api, "mode").orElse(SocketAccess.DEFAULT.mode()),
            Rules.USER.read(api, "owner").orElse(null), Rules.GROUP.read(api, "group").orElse(null));
    }

    private static Duration ageing(final Section fdb) {
        return fdb.text("ageing", Ageing.NEEDED)
            .map(text -> Ageing.parse(text)
                .orElseThrow(() -> fdb.refused("ageing", text, Ageing.NEEDED)))
            .orElse(Config.Fdb.DEFAULT.ageing());
    }
}
