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
 * A port: one that a virtual machine attaches to over vhost-user, a tap device, an interface, or captures in files.
 *
 * @param name unique in the switch
 * @param attachment what is on its other side, and how the two find each other
 * @param queues queue pairs of a virtual machine, queues of a tap, 1 to 128
 * @param mtu 68 to 65535; of a tap, 0 to leave it as the device has it, and of a pcap port always
 * @param suspend in which ways the front-end and the driver may suspend it
 * @param offloads those it offers, as bits of the feature word
 * @param extras what most machines' ports do without
 * @param vlan the VLANs that it is in; null where nothing is said of VLANs
 * @param groupForward the reserved groups that frames which come in here are relayed to, as in {@link GroupForward}
 */
public record PortConfig(String name, Attachment attachment, int queues, int mtu, SuspendOptions suspend, long offloads,
                         Extras extras, PortVlan vlan, int groupForward) {
    /** The type of a virtual machine's port. */
    public static final String VHOST_USER = "vhost-user";
    /** The type of a tap device's port. */
    public static final String TAP = "tap";
    /** The type of a port for an interface or files. */
    public static final String PCAP = "pcap";
    /** Queue pairs where nothing else is said. */
    public static final int DEFAULT_QUEUES = 1;
    /** Ethernet's. */
    public static final int DEFAULT_MTU = 1500;

    /**
     * What most machines' ports do without.
     *
     * @param mac the address the device offers, as {@code 52:54:00:00:00:01}; null where the front-end decides
     * @param inband whether notifications by messages are offered
     * @param deviceState whether the transfer of the device's state is offered
     * @param postcopy whether a guest may run here before all of its memory has come
     * @param iommu whether ACCESS_PLATFORM is offered
     * @param crossEndian whether rings of big-endian legacy drivers are served
     * @param logBaseReply bytes of the reply to SET_LOG_BASE, 16 or 8
     * @param discardWhenDisabled whether frames of a disabled transmit ring are discarded; otherwise they wait
     * @param featureMask the virtio features that may be offered; -1 for all
     * @param memory the files that are accepted as the guest's memory
     */
    public record Extras(String mac, boolean inband, boolean deviceState, boolean postcopy, boolean iommu, boolean crossEndian,
                         int logBaseReply, boolean discardWhenDisabled, long featureMask, MemoryFiles memory) {
        /** None of it. */
        public static final Extras NONE = new Extras(null, false, false, false, false, false,
            BackendOptions.DEFAULT_LOG_BASE_REPLY, true, -1, MemoryFiles.RAM);
    }

    /** A port of which nothing more is said. */
    public PortConfig(final String name, final Attachment attachment, final int queues, final int mtu) {
        this(name, attachment, queues, mtu, SuspendOptions.DEFAULT, Offloads.ALL, Extras.NONE);
    }

    /** A port of which nothing is said of VLANs. */
    public PortConfig(final String name, final Attachment attachment, final int queues, final int mtu, final SuspendOptions suspend,
                      final long offloads, final Extras extras) {
        this(name, attachment, queues, mtu, suspend, offloads, extras, null, 0);
    }

    /** The same in VLANs; in none where {@code newVlan} is null. */
    public PortConfig withVlan(final PortVlan newVlan) {
        return new PortConfig(name, attachment, queues, mtu, suspend, offloads, extras, newVlan, groupForward);
    }

    /** The same, relaying to other reserved groups. */
    public PortConfig withGroupForward(final int newGroups) {
        return new PortConfig(name, attachment, queues, mtu, suspend, offloads, extras, vlan, newGroups);
    }

    /** What is on the other side: a front-end, in one of three ways, a tap device, or an interface or files. */
    public sealed interface Attachment {
        /** The switch listens, the front-end connects. */
        record Server(Path socket, int permissions) implements Attachment {
            static final int DEFAULT_PERMISSIONS = BackendOptions.DEFAULT_PERMISSIONS;
        }

        /** The front-end listens, the switch connects, again and again until it succeeds. */
        record Client(Path socket) implements Attachment {
        }

        /** Whoever started this process handed over a connected socket. */
        record Descriptor(int number) implements Attachment {
        }

        /** The host's network stack, by a tap device; {@code master} is null where it is to be no bridge's port. */
        record Tap(String device, boolean persist, String master, boolean up) implements Attachment {
        }

        /** An interface of the host's, or captures in files. */
        record Pcap(PcapOptions options) implements Attachment {
        }
    }

    /** The port of a back-end program that serves one front-end, which then decides about queues and MTU. */
    public static PortConfig single(final String name, final Attachment attachment) {
        return new PortConfig(name, attachment, PortLimits.MAX_QUEUES, PortLimits.MAX_MTU);
    }

    /** The word used in configuration and output. */
    public String type() {
        return switch (attachment) {
            case Attachment.Tap _ -> TAP;
            case Attachment.Pcap _ -> PCAP;
            default -> VHOST_USER;
        };
    }

    /** The socket's path; of a descriptor, {@code fd:N}; of another type of port, null. */
    public String socket() {
        return switch (attachment) {
            case Attachment.Server server -> server.socket().toString();
            case Attachment.Client client -> client.socket().toString();
            case Attachment.Descriptor descriptor -> "fd:" + descriptor.number();
            case Attachment.Tap _, Attachment.Pcap _ -> null;
        };
    }

    /** The tap or the interface; where there is none, null. */
    public String device() {
        return switch (attachment) {
            case Attachment.Tap tap -> tap.device();
            case Attachment.Pcap pcap -> pcap.options().device();
            default -> null;
        };
    }

    /** What it uses of the host, its own first: its socket; its device and the bridge that is in; the files it writes and reads. */
    List<Place> places() {
        return switch (attachment) {
            case Attachment.Tap tap -> Stream.of(Place.device("device", tap.device(), true),
                tap.master() == null ? null : Place.device("master", tap.master(), false)).filter(Objects::nonNull).toList();
            case Attachment.Pcap(PcapOptions options) when options.device() != null ->
                List.of(Place.device("interface", options.device(), true));
            case Attachment.Pcap(PcapOptions options) -> Stream.of(
                options.write() == null ? null : Place.file("write", options.write(), true),
                options.read() == null ? null : Place.file("read", options.read(), false)).filter(Objects::nonNull).toList();
            case Attachment.Descriptor _ -> List.of();
            default -> List.of(Place.socket(socket()));
        };
    }

    /** Its socket, its device or its file. */
    public String place() {
        return places().isEmpty() ? socket() : places().getFirst().name();
    }

    /** Which side opens the socket, as configuration and output have it; of another type of port, null. */
    public String mode() {
        return switch (attachment) {
            case Attachment.Server _ -> "server";
            case Attachment.Client _ -> "client";
            case Attachment.Descriptor _ -> "descriptor";
            case Attachment.Tap _, Attachment.Pcap _ -> null;
        };
    }
}
