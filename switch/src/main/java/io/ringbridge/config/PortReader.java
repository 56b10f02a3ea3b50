package io.ringbridge.config;

import io.ringbridge.config.PortConfig.Attachment;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.backend.Offer;
import io.ringbridge.control.backend.SuspendOptions;
import io.ringbridge.datapath.ring.Features;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Reads a port: which keys it may have depends on its type. */
final class PortReader {
    private static final List<String> GUEST_KEYS = List.of("name", "type", "socket", "mode", "queues", "mtu", "permissions",
        "suspend-messages", "suspend-feature-bit", "offloads", "mac", "inband", "device-state", "iommu", "cross-endian",
        "log-base-reply", "features");
    private static final List<String> TAP_KEYS = List.of("name", "type", "device", "queues", "mtu", "persist", "master", "up");
    private static final String TYPES = PortConfig.VHOST_USER + " or " + PortConfig.TAP;

    private enum Mode { SERVER, CLIENT }

    private PortReader() {
    }

    /** Every key that a port of some type may have. */
    static String allKeys() {
        return Stream.concat(GUEST_KEYS.stream(), TAP_KEYS.stream()).distinct().collect(Collectors.joining(", "));
    }

    /** Takes a node that has to be a port's keys. */
    static Section section(final String source, final String path, final Node node) {
        return Section.of(source, path, node, node instanceof final Node.Mapping mapping && isTap(mapping) ? TAP_KEYS : GUEST_KEYS);
    }

    private static boolean isTap(final Node.Mapping mapping) {
        return mapping.values().get("type") instanceof final Node.Scalar type && PortConfig.TAP.equals(type.text());
    }

    static PortConfig read(final Section section) {
        final String name = section.text("name", PortLimits.NAME_RULE).orElseThrow(() -> section.missing("name", PortLimits.NAME_RULE));
        if (!PortLimits.NAME.matcher(name).matches()) {
            throw section.error("name", '"' + name + "\" is not " + PortLimits.NAME_RULE);
        }
        section.text("type", TYPES).filter(type -> !PortConfig.VHOST_USER.equals(type) && !PortConfig.TAP.equals(type)).ifPresent(type -> {
            throw section.error("type", '"' + type + "\" is not " + TYPES);
        });
        final int queues = section.integer("queues", 1, PortLimits.MAX_QUEUES).orElse(PortConfig.DEFAULT_QUEUES);
        final Optional<Integer> mtu = section.integer("mtu", PortLimits.MIN_MTU, PortLimits.MAX_MTU);
        if (isTap(section.mapping())) {
            return new PortConfig(name, tap(section), queues, mtu.orElse(0));
        }
        final SuspendOptions suspend = suspend(section);
        final long offloads = Offloads.read(section, "offloads");
        final String mac = section.mac("mac").orElse(null);
        final boolean iommu = section.bool("iommu").orElse(false);
        final long offered = Offer.virtio(queues, suspend, mac != null) & (~Offloads.ALL | offloads) | (iommu ? Offer.IOMMU : 0);
        return new PortConfig(name, guest(section), queues, mtu.orElse(PortConfig.DEFAULT_MTU), suspend, offloads,
            new PortConfig.Extras(mac, section.bool("inband").orElse(false), section.bool("device-state").orElse(false), iommu,
                section.bool("cross-endian").orElse(false), logBaseReply(section), FeatureList.in(section, "features", offered)));
    }

    private static SuspendOptions suspend(final Section section) {
        return new SuspendOptions(section.bool("suspend-messages").orElse(SuspendOptions.DEFAULT.messages()),
            section.integer("suspend-feature-bit", Features.SUSPEND_DRAFT, Features.SUSPEND).orElse(SuspendOptions.DEFAULT.featureBit()));
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
        final Path socket = section.socket("socket").orElseThrow(() -> section.missing("socket", "the path of a Unix socket"));
        final Mode mode = section.choice("mode", Mode.class).orElse(Mode.SERVER);
        final int permissions = section.permissions("permissions").orElse(Attachment.Server.DEFAULT_PERMISSIONS);
        if (mode == Mode.CLIENT && section.value("permissions").isPresent()) {
            throw section.error("permissions", "of no use in mode client, where the front-end makes the socket; allowed in mode server");
        }
        return mode == Mode.SERVER ? new Attachment.Server(socket, permissions) : new Attachment.Client(socket);
    }

    private static Attachment tap(final Section section) {
        final String device = section.text("device", PortLimits.DEVICE_RULE)
            .orElseThrow(() -> section.missing("device", PortLimits.DEVICE_RULE));
        return new Attachment.Tap(device(section, "device", device), section.bool("persist").orElse(false),
            section.text("master", PortLimits.DEVICE_RULE).map(master -> device(section, "master", master)).orElse(null),
            section.bool("up").orElse(true));
    }

    private static String device(final Section section, final String key, final String name) {
        if (!PortLimits.DEVICE.matcher(name).matches() || ".".equals(name) || "..".equals(name)) {
            throw section.error(key, '"' + name + "\" is not " + PortLimits.DEVICE_RULE);
        }
        return name;
    }
}
