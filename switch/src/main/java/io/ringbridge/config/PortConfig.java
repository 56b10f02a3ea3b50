package io.ringbridge.config;

import io.ringbridge.config.Places.Place;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.backend.SuspendOptions;
import io.ringbridge.control.uplink.PcapOptions;
import io.ringbridge.datapath.memory.MemoryFiles;
import io.ringbridge.datapath.port.PortVlan;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The configuration of a port: a virtual machine over vhost-user, a tap device, an interface, or capture files.
 *
 * @param name unique in the switch
 * @param attachment the front-end, device or files behind the port
 * @param queues the number of queue pairs of a virtual machine, or of queues of a tap; 1 to 128
 * @param mtu 68 to 65535; 0 leaves the MTU of a tap as it is; always 0 for a pcap port
 * @param suspend the ways in which the front-end and the driver may suspend the port
 * @param offloads the offloads that the port offers, as bits of the feature word
 * @param extras options that most virtual machines do not need
 * @param vlan the VLANs of the port; null if none are configured
 * @param groupForward the reserved groups that the port relays when frames come in here, as in {@link GroupForward}
 */
public record PortConfig(String name, Attachment attachment, int queues, int mtu, SuspendOptions suspend, long offloads,
                         Extras extras, PortVlan vlan, int groupForward) {
    /** The type of a virtual machine's port. */
    public static final String VHOST_USER = "vhost-user";
    /** The type of a tap device's port. */
    public static final String TAP = "tap";
    /** The type of a port for an interface or files. */
    public static final String PCAP = "pcap";
    /** The default number of queue pairs. */
    public static final int DEFAULT_QUEUES = 1;
    /** The default MTU, that of Ethernet. */
    public static final int DEFAULT_MTU = 1500;

    /**
     * Options that most virtual machines do not need.
     *
     * @param mac the address that the device offers, as {@code 52:54:00:00:00:01}; null if the front-end decides
     * @param inband whether in-band notifications are offered
     * @param deviceState whether the transfer of device state is offered
     * @param postcopy whether a migrated guest may run here before all of its memory has arrived
     * @param iommu whether ACCESS_PLATFORM is offered
     * @param crossEndian whether rings of big-endian legacy drivers are served
     * @param logBaseReply the size of the reply to SET_LOG_BASE in bytes, 16 or 8
     * @param discardWhenDisabled whether frames in a disabled transmit ring are discarded; otherwise they wait
     * @param featureMask the virtio features that may be offered; -1 for all
     * @param memory the kinds of files that are accepted as the guest's memory
     */
    public record Extras(String mac, boolean inband, boolean deviceState, boolean postcopy, boolean iommu,
                         boolean crossEndian, int logBaseReply, boolean discardWhenDisabled, long featureMask,
                         MemoryFiles memory) {
        /** The default of every option. */
        public static final Extras NONE = new Extras(null, false, false, false, false, false,
            BackendOptions.DEFAULT_LOG_BASE_REPLY, true, -1, MemoryFiles.RAM);
    }

    /** Creates a port with default options. */
    public PortConfig(final String name, final Attachment attachment, final int queues, final int mtu) {
        this(name, attachment, queues, mtu, SuspendOptions.DEFAULT, Offloads.ALL, Extras.NONE);
    }

    /** Creates a port without VLANs that relays no reserved groups. */
    public PortConfig(final String name, final Attachment attachment, final int queues, final int mtu,
                      final SuspendOptions suspend, final long offloads, final Extras extras) {
        this(name, attachment, queues, mtu, suspend, offloads, extras, null, 0);
    }

    /** Returns a copy with other VLANs, or without VLANs if {@code newVlan} is null. */
    public PortConfig withVlan(final PortVlan newVlan) {
        return new PortConfig(name, attachment, queues, mtu, suspend, offloads, extras, newVlan, groupForward);
    }

    /** Returns a copy that relays other reserved groups. */
    public PortConfig withGroupForward(final int newGroups) {
        return new PortConfig(name, attachment, queues, mtu, suspend, offloads, extras, vlan, newGroups);
    }

    /** The front-end (reached in one of three ways), tap device, interface or files behind a port. */
    public sealed interface Attachment {
        /** The switch listens and the front-end connects. */
        record Server(Path socket, int permissions) implements Attachment {
            static final int DEFAULT_PERMISSIONS = BackendOptions.DEFAULT_PERMISSIONS;
        }

        /** The front-end listens and the switch connects; it retries until it succeeds. */
        record Client(Path socket) implements Attachment {
        }

        /** The parent process passed a connected socket. */
        record Descriptor(int number) implements Attachment {
        }

        /** A tap device of the host; {@code master} is null if the device is not to join a bridge. */
        record Tap(String device, boolean persist, String master, boolean up) implements Attachment {
        }

        /** An interface of the host, or capture files. */
        record Pcap(PcapOptions options) implements Attachment {
        }
    }

    /** Returns the port of a program that serves one front-end. The front-end chooses the queues and the MTU. */
    public static PortConfig single(final String name, final Attachment attachment) {
        return new PortConfig(name, attachment, PortLimits.MAX_QUEUES, PortLimits.MAX_MTU);
    }

    /** Returns the type of the port as used in configuration and output. */
    public String type() {
        return switch (attachment) {
            case Attachment.Tap _ -> TAP;
            case Attachment.Pcap _ -> PCAP;
            default -> VHOST_USER;
        };
    }

    /** Returns the path of the socket, {@code fd:N} for a descriptor, or null for other types of ports. */
    public String socket() {
        return switch (attachment) {
            case Attachment.Server server -> server.socket().toString();
            case Attachment.Client client -> client.socket().toString();
            case Attachment.Descriptor descriptor -> "fd:" + descriptor.number();
            case Attachment.Tap _, Attachment.Pcap _ -> null;
        };
    }

    /** Returns the tap device or the interface, or null if there is none. */
    public String device() {
        return switch (attachment) {
            case Attachment.Tap tap -> tap.device();
            case Attachment.Pcap pcap -> pcap.options().device();
            default -> null;
        };
    }

    /**
     * Returns the sockets, devices and files that the port uses. The ones that it owns come first: its socket, its
     * device before the bridge, the file that it writes before the one that it reads.
     */
    List<Place> places() {
        return switch (attachment) {
            case Attachment.Tap tap -> Stream.of(Place.device("device", tap.device(), true),
                    tap.master() == null ? null : Place.device("master", tap.master(), false))
                .filter(Objects::nonNull).toList();
            case Attachment.Pcap(PcapOptions options) when options.device() != null ->
                List.of(Place.device("interface", options.device(), true));
            case Attachment.Pcap(PcapOptions options) -> Stream.of(
                    options.write() == null ? null : Place.file("write", options.write(), true),
                    options.read() == null ? null : Place.file("read", options.read(), false))
                .filter(Objects::nonNull).toList();
            case Attachment.Descriptor _ -> List.of();
            default -> List.of(Place.socket(socket()));
        };
    }

    /** Returns the name of the port's socket, device or file. */
    public String place() {
        return places().isEmpty() ? socket() : places().getFirst().name();
    }

    /** Returns the side that opens the socket as used in configuration and output, or null for other types of ports. */
    public String mode() {
        return switch (attachment) {
            case Attachment.Server _ -> "server";
            case Attachment.Client _ -> "client";
            case Attachment.Descriptor _ -> "descriptor";
            case Attachment.Tap _, Attachment.Pcap _ -> null;
        };
    }
}
