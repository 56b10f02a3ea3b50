package io.ringbridge.config;

import io.ringbridge.config.PortConfig.Attachment;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.backend.Offer;
import io.ringbridge.control.backend.SuspendOptions;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.Datapath;
import io.ringbridge.datapath.worker.PollMode;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads configurations from files, and ports from the command line. */
public final class ConfigReader {
    private static final List<String> TOP_KEYS = List.of("workers", "cpus", "poll", "api", "fdb", "state", "ports");
    private static final List<String> PORT_KEYS = List.of("name", "type", "socket", "mode", "queues", "mtu", "permissions",
        "suspend-messages", "suspend-feature-bit", "offloads", "mac", "inband", "device-state", "iommu", "cross-endian", "log-base-reply",
        "features");
    private static final int MIN_CAPACITY = 16;
    private static final int MAX_CAPACITY = 1 << 20;
    private static final int MAX_PORTS = Datapath.MAX_PORTS;

    private enum Mode { SERVER, CLIENT }

    private ConfigReader() {
    }

    /** Reads a file. */
    public static Config read(final Path file) {
        try {
            return parse(file.toString(), Files.readString(file));
        } catch (NoSuchFileException _) {
            throw new ConfigException(file + ": no such file");
        } catch (CharacterCodingException _) {
            throw new ConfigException(file + ": not UTF-8 text");
        } catch (final IOException e) {
            throw new ConfigException(file + ": cannot be read: " + e.getMessage());
        }
    }

    /** Reads the text of a file; {@code source} is its name. */
    public static Config parse(final String source, final String text) {
        final Section top = Section.of(source, "", NodeParser.parse(source, text), TOP_KEYS);
        final Section api = top.section("api", List.of("socket"));
        final Section fdb = top.section("fdb", List.of("capacity", "ageing"));
        final List<Integer> cpus = top.cpus("cpus").orElse(List.of());
        final int workers = top.integer("workers", 1, Config.MAX_WORKERS).orElse(cpus.isEmpty() ? Config.DEFAULT.workers() : cpus.size());
        if (!cpus.isEmpty() && cpus.size() != workers) {
            throw top.error("cpus", cpus.size() + " processors for " + workers + " workers; one for each is needed");
        }
        final Config config = new Config(workers, cpus,
            top.choice("poll", PollMode.class).orElse(Config.DEFAULT.poll()),
            api.socket("socket"),
            new Config.Fdb(fdb.integer("capacity", MIN_CAPACITY, MAX_CAPACITY).orElse(Config.Fdb.DEFAULT.capacity()), ageing(fdb)),
            top.text("state", "the path of a directory").map(Path::of),
            List.of());
        return config.withPorts(ports(source, top, api));
    }

    /**
     * Reads a port in the form {@code name=vm1,type=vhost-user,socket=/run/vm1.sock}; a comma in a value is written twice.
     *
     * @param source the option it was given to
     */
    public static PortConfig parsePort(final String source, final String spec) {
        final Map<String, Node> values = new LinkedHashMap<>();
        for (final String part : spec.split("(?<!,),(?!,)", -1)) {
            final String[] pair = part.replace(",,", ",").split("=", 2);
            if (pair.length != 2) {
                throw new ConfigException(source + ": \"" + part + "\" is not key=value; allowed keys: " + String.join(", ", PORT_KEYS));
            }
            if (values.put(pair[0].strip(), new Node.Scalar(0, pair[1].strip(), Node.Kind.UNTYPED)) != null) {
                throw new ConfigException(source + ": " + pair[0].strip() + ": given twice");
            }
        }
        return port(Section.of(source, "", new Node.Mapping(0, values, Map.of()), PORT_KEYS));
    }

    /** Reads processors in the form {@code 1,3-5}. */
    public static List<Integer> parseCpus(final String source, final String text) {
        final List<Integer> cpus = new ArrayList<>();
        if (!CpuList.addTo(cpus, text)) {
            throw new ConfigException(source + ": \"" + text + "\" is not " + CpuList.NEEDED);
        }
        return List.copyOf(cpus);
    }

    /** Refuses ports that cannot be together; for ports that come from different places. */
    public static void checkTogether(final String source, final List<PortConfig> ports) {
        final Map<String, String> taken = new HashMap<>();
        for (final PortConfig port : ports) {
            if (taken.put("name " + port.name(), port.name()) != null) {
                throw new ConfigException(source + ": name: \"" + port.name() + "\" is taken; every port needs its own");
            }
            final String other = taken.put("socket " + port.socket(), port.name());
            if (other != null) {
                throw new ConfigException(source + ": socket: " + port.socket() + " is port " + other + "'s; every port needs its own");
            }
        }
    }

    private static List<PortConfig> ports(final String source, final Section top, final Section api) {
        final List<Node> nodes = top.list("ports", "a list of ports");
        if (nodes.size() > MAX_PORTS) {
            throw top.error("ports", nodes.size() + " ports; " + MAX_PORTS + " are allowed");
        }
        final List<PortConfig> ports = new ArrayList<>();
        final Map<String, String> names = new HashMap<>();
        final Map<String, String> sockets = new HashMap<>();
        api.socket("socket").ifPresent(path -> sockets.put(path.toString(), "the API's, on line " + api.lineOf("socket")));
        for (int i = 0; i < nodes.size(); i++) {
            final Section section = Section.of(source, "ports[" + i + "]", nodes.get(i), PORT_KEYS);
            final PortConfig port = port(section);
            final String sameName = names.put(port.name(), "the port on line " + section.lineOf("name"));
            if (sameName != null) {
                throw section.error("name", '"' + port.name() + "\" is taken by " + sameName + "; every port needs its own");
            }
            final String sameSocket = sockets.put(port.socket(), "port " + port.name() + "'s, on line " + section.lineOf("socket"));
            if (sameSocket != null) {
                throw section.error("socket", port.socket() + " is " + sameSocket + "; every port needs its own");
            }
            ports.add(port);
        }
        return ports;
    }

    private static PortConfig port(final Section section) {
        final String name = section.text("name", PortLimits.NAME_RULE).orElseThrow(() -> section.missing("name", PortLimits.NAME_RULE));
        if (!PortLimits.NAME.matcher(name).matches()) {
            throw section.error("name", '"' + name + "\" is not " + PortLimits.NAME_RULE);
        }
        section.text("type", PortConfig.TYPE).filter(type -> !PortConfig.TYPE.equals(type)).ifPresent(type -> {
            throw section.error("type", '"' + type + "\" is not " + PortConfig.TYPE);
        });
        final Path socket = section.socket("socket").orElseThrow(() -> section.missing("socket", "the path of a Unix socket"));
        final Mode mode = section.choice("mode", Mode.class).orElse(Mode.SERVER);
        final int queues = section.integer("queues", 1, PortLimits.MAX_QUEUES).orElse(PortConfig.DEFAULT_QUEUES);
        final SuspendOptions suspend = new SuspendOptions(section.bool("suspend-messages").orElse(SuspendOptions.DEFAULT.messages()),
            section.integer("suspend-feature-bit", Features.SUSPEND_DRAFT, Features.SUSPEND).orElse(SuspendOptions.DEFAULT.featureBit()));
        final long offloads = Offloads.read(section, "offloads");
        final String mac = section.mac("mac").orElse(null);
        final boolean iommu = section.bool("iommu").orElse(false);
        final long offered = Offer.virtio(queues, suspend, mac != null) & (~Offloads.ALL | offloads) | (iommu ? Offer.IOMMU : 0);
        return new PortConfig(name, attachment(section, socket, mode), queues,
            section.integer("mtu", PortLimits.MIN_MTU, PortLimits.MAX_MTU).orElse(PortConfig.DEFAULT_MTU), suspend, offloads,
            new PortConfig.Extras(mac, section.bool("inband").orElse(false), section.bool("device-state").orElse(false), iommu,
                section.bool("cross-endian").orElse(false), logBaseReply(section), FeatureList.in(section, "features", offered)));
    }

    private static int logBaseReply(final Section section) {
        final int usual = BackendOptions.DEFAULT_LOG_BASE_REPLY;
        final int other = BackendOptions.SHORT_LOG_BASE_REPLY;
        final int bytes = section.integer("log-base-reply", other, usual).orElse(usual);
        if (bytes != usual && bytes != other) {
            throw section.error("log-base-reply", bytes + " is not " + other + " or " + usual);
        }
        return bytes;
    }

    private static Attachment attachment(final Section section, final Path socket, final Mode mode) {
        final int permissions = section.permissions("permissions").orElse(Attachment.Server.DEFAULT_PERMISSIONS);
        if (mode == Mode.CLIENT && section.value("permissions").isPresent()) {
            throw section.error("permissions", "of no use in mode client, where the front-end makes the socket; allowed in mode server");
        }
        return mode == Mode.SERVER ? new Attachment.Server(socket, permissions) : new Attachment.Client(socket);
    }

    private static Duration ageing(final Section fdb) {
        return fdb.text("ageing", Ageing.NEEDED)
            .map(text -> Ageing.parse(text).orElseThrow(() -> fdb.error("ageing", '"' + text + "\" is not " + Ageing.NEEDED)))
            .orElse(Config.Fdb.DEFAULT.ageing());
    }
}
