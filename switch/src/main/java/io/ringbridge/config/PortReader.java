package io.ringbridge.config;

import io.ringbridge.config.PortConfig.Attachment;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.backend.Offer;
import io.ringbridge.control.backend.SuspendOptions;
import io.ringbridge.control.uplink.PcapOptions;
import io.ringbridge.datapath.memory.MemoryFiles;
import io.ringbridge.datapath.os.PacketSocket.Direction;
import io.ringbridge.datapath.ring.Features;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Reads a port, whose keys depend on its type. */
final class PortReader {
    private static final List<String> GUEST_KEYS = List.of("name", "type", "socket", "mode", "queues", "mtu",
        "permissions", "suspend-messages", "suspend-feature-bit", "offloads", "mac", "inband", "device-state",
        "postcopy", "iommu", "cross-endian", "memory", "log-base-reply", "disabled", "features", "vlan", "trunk",
        "group-forward");
    private static final List<String> TAP_KEYS = List.of("name", "type", "device", "queues", "mtu", "persist", "master",
        "up", "vlan", "trunk", "group-forward");
    private static final List<String> PCAP_KEYS = List.of("name", "type", "interface", "direction", "ring-size", "read",
        "speed", "write", "snaplen", "vlan", "trunk", "group-forward");
    private static final Map<String, List<String>> KEYS =
        Map.of(PortConfig.VHOST_USER, GUEST_KEYS, PortConfig.TAP, TAP_KEYS, PortConfig.PCAP, PCAP_KEYS);
    private static final String TYPES = PortConfig.VHOST_USER + ", " + PortConfig.TAP + " or " + PortConfig.PCAP;

    private enum Mode { SERVER, CLIENT }

    private enum Disabled { DISCARD, HOLD }

    private enum Speed { RECORDED, FULL }

    private PortReader() {
    }

    /** Returns the keys of all types of ports. */
    static String allKeys() {
        return Stream.of(GUEST_KEYS, TAP_KEYS, PCAP_KEYS).flatMap(List::stream).distinct()
            .collect(Collectors.joining(", "));
    }

    /** Checks that a node has the keys of a port. */
    static Section section(final String source, final String path, final Node node) {
        return Section.of(source, path, node,
            node instanceof final Node.Mapping mapping ? KEYS.get(type(Section.unchecked(source, path, mapping)))
            : GUEST_KEYS);
    }

    /**
     * Returns the type of a port. Callers read it first: the type decides which keys are allowed, so a wrong type must
     * not be reported as an error in another key.
     */
    private static String type(final Section section) {
        final String type = section.text("type", TYPES).orElse(PortConfig.VHOST_USER);
        if (!KEYS.containsKey(type)) {
            throw section.error("type", '"' + type + "\" is not " + TYPES
                + Spelling.nearest(type, List.copyOf(KEYS.keySet())).map(near -> " (\"" + near + "\"?)").orElse(""));
        }
        return type;
    }

    static PortConfig read(final Section section) {
        return typed(section).withVlan(VlanReader.read(section))
            .withGroupForward(GroupForward.read(section, "group-forward"));
    }

    private static PortConfig typed(final Section section) {
        final String name = section.text("name", PortLimits.NAME_RULE)
            .orElseThrow(() -> section.missing("name", PortLimits.NAME_RULE));
        if (!PortLimits.NAME.matcher(name).matches()) {
            throw section.error("name", '"' + name + "\" is not " + PortLimits.NAME_RULE);
        }
        final String type = type(section);
        if (PortConfig.PCAP.equals(type)) {
            return new PortConfig(name, pcap(section), PortConfig.DEFAULT_QUEUES, 0);
        }
        final int queues = section.integer("queues", 1, PortLimits.MAX_QUEUES).orElse(PortConfig.DEFAULT_QUEUES);
        final Optional<Integer> mtu = section.integer("mtu", PortLimits.MIN_MTU, PortLimits.MAX_MTU);
        if (PortConfig.TAP.equals(type)) {
            return new PortConfig(name, tap(section), queues, mtu.orElse(0));
        }
        final SuspendOptions suspend = suspend(section);
        final long offloads = Offloads.read(section, "offloads");
        final String mac = section.mac("mac").orElse(null);
        final boolean iommu = section.bool("iommu").orElse(false);
        final long offered =
            Offer.virtio(queues, suspend, mac != null) & (~Offloads.ALL | offloads) | (iommu ? Offer.IOMMU : 0);
        return new PortConfig(name, guest(section), queues, mtu.orElse(PortConfig.DEFAULT_MTU), suspend, offloads,
            new PortConfig.Extras(mac, section.bool("inband").orElse(false), section.bool("device-state").orElse(false),
                section.bool("postcopy").orElse(false), iommu, section.bool("cross-endian").orElse(false),
                logBaseReply(section),
                section.choice("disabled", Disabled.class).orElse(Disabled.DISCARD) == Disabled.DISCARD,
                FeatureList.in(section, "features", offered),
                section.choice("memory", MemoryFiles.class).orElse(MemoryFiles.RAM)));
    }

    private static SuspendOptions suspend(final Section section) {
        return new SuspendOptions(section.bool("suspend-messages").orElse(SuspendOptions.DEFAULT.messages()),
            section.integer("suspend-feature-bit", Features.SUSPEND_DRAFT, Features.SUSPEND)
                .orElse(SuspendOptions.DEFAULT.featureBit()));
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

    private static Attachment guest(final Section section) {
        final Path socket = section.socket("socket")
            .orElseThrow(() -> section.missing("socket", "the path of a Unix socket"));
        final Mode mode = section.choice("mode", Mode.class).orElse(Mode.SERVER);
        final int permissions = section.permissions("permissions").orElse(Attachment.Server.DEFAULT_PERMISSIONS);
        if (mode == Mode.CLIENT && section.value("permissions").isPresent()) {
            throw section.error("permissions",
                "not allowed in mode client, in which the front-end creates the socket; allowed in mode server");
        }
        return mode == Mode.SERVER ? new Attachment.Server(socket, permissions) : new Attachment.Client(socket);
    }

    private static Attachment tap(final Section section) {
        final String device = section.text("device", PortLimits.DEVICE_RULE)
            .orElseThrow(() -> section.missing("device", PortLimits.DEVICE_RULE));
        return new Attachment.Tap(device(section, "device", device), section.bool("persist").orElse(false),
            section.text("master", PortLimits.DEVICE_RULE).map(master -> device(section, "master", master))
                .orElse(null),
            section.bool("up").orElse(true));
    }

    private static Attachment pcap(final Section section) {
        final int snapLength = section.integer("snaplen", PortLimits.MIN_SNAPLEN, PortLimits.MAX_SNAPLEN).orElse(0);
        final Optional<String> device = section.text("interface", PortLimits.DEVICE_RULE);
        final Optional<String> read = section.text("read", PortLimits.CAPTURE_RULE);
        final Optional<String> write = section.text("write", PortLimits.CAPTURE_RULE);
        if (device.isEmpty() && read.isEmpty() && write.isEmpty()) {
            throw section.missing("interface",
                PortLimits.DEVICE_RULE + "; or read, write or both with the paths of capture files");
        }
        refuseIf(device.isPresent(), section, "with an interface", "read", "write");
        refuseIf(device.isEmpty(), section, "without an interface", "direction", "ring-size");
        refuseIf(read.isEmpty(), section, "without a capture to read", "speed");
        if (read.isPresent() && write.isPresent() && absolute(read.get()).equals(absolute(write.get()))) {
            throw section.error("write", write.get() + " is the capture to read; write to another file");
        }
        final Direction direction = section.choice("direction", Direction.class).orElse(Direction.IN);
        final int ringBytes = section.integer("ring-size", PortLimits.MIN_CAPTURE_RING, PortLimits.MAX_CAPTURE_RING)
            .orElse(PcapOptions.DEFAULT_RING_BYTES);
        final boolean fullSpeed = section.choice("speed", Speed.class).orElse(Speed.RECORDED) == Speed.FULL;
        return new Attachment.Pcap(new PcapOptions(
            device.map(given -> device(section, "interface", given)).orElse(null), direction, ringBytes,
            read.map(Path::of).orElse(null), fullSpeed, write.map(Path::of).orElse(null), snapLength));
    }

    private static Path absolute(final String path) {
        return Path.of(path).toAbsolutePath().normalize();
    }

    private static void refuseIf(final boolean condition, final Section section, final String circumstance,
                                 final String... keys) {
        for (final String key : keys) {
            if (condition && section.value(key).isPresent()) {
                throw section.error(key, "not allowed " + circumstance);
            }
        }
    }

    private static String device(final Section section, final String key, final String name) {
        if (!PortLimits.DEVICE.matcher(name).matches() || ".".equals(name) || "..".equals(name)) {
            throw section.error(key, '"' + name + "\" is not " + PortLimits.DEVICE_RULE);
        }
        return name;
    }
}
