package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.datapath.memory.MemoryFiles;

import java.nio.file.Path;

/**
 * How a port's back-end is reached, and what it offers.
 *
 * @param mode which side opens the socket
 * @param socket the path; null with {@link Mode#DESCRIPTOR}
 * @param descriptor an inherited, connected socket; only with {@link Mode#DESCRIPTOR}
 * @param permissions of the socket file, as in chmod; only with {@link Mode#SERVER}
 * @param featureMask the virtio features that may be offered
 * @param discardWhenDisabled whether a started and disabled transmit ring is processed and its frames discarded, as the specification
 *     has it; otherwise they wait until it is enabled again, which suits front-ends that disable rings to pause a guest
 * @param suspend in which ways the front-end and the driver may suspend the port
 * @param logBaseReply bytes of the reply to SET_LOG_BASE: 16 repeat the request, 8 of zero suit front-ends that take it for an
 *     acknowledgement
 * @param mac the address that the device has, its first byte the lowest; 0 where the front-end decides
 * @param optional the protocol features offered of those in {@link Offer#OPTIONAL}
 * @param iommu whether the guest may be behind an IOMMU of the front-end's, so that ACCESS_PLATFORM is offered
 * @param state the directory in which the positions of packed rings are kept; null for nowhere
 * @param memory the files that are accepted as memory
 */
public record BackendOptions(Mode mode, Path socket, int descriptor, int permissions, long featureMask, boolean discardWhenDisabled,
                             SuspendOptions suspend, int logBaseReply, long mac, long optional, boolean iommu, Path state,
                             MemoryFiles memory) {
    /** The reply to SET_LOG_BASE when nothing else is said. */
    public static final int DEFAULT_LOG_BASE_REPLY = 16;
    /** The other reply to SET_LOG_BASE. */
    public static final int SHORT_LOG_BASE_REPLY = 8;
    /** The permissions of a socket file when nothing else is said. */
    public static final int DEFAULT_PERMISSIONS = 0660;

    /** Which side opens the socket. */
    public enum Mode {
        /** The back-end listens. */
        SERVER,
        /** The back-end connects, again and again. */
        CLIENT,
        /** The socket is inherited; when it ends, so does the back-end. */
        DESCRIPTOR
    }

    private static BackendOptions of(final Mode mode, final Path socket, final int descriptor) {
        return new BackendOptions(mode, socket, descriptor, DEFAULT_PERMISSIONS, -1, true, SuspendOptions.DEFAULT,
            DEFAULT_LOG_BASE_REPLY, 0, 0, false, null, MemoryFiles.RAM);
    }

    /** Listens on a path, and offers everything that is not optional. */
    public static BackendOptions server(final Path socket) {
        return of(Mode.SERVER, socket, -1);
    }

    /** Connects to a path, and offers everything that is not optional. */
    public static BackendOptions client(final Path socket) {
        return of(Mode.CLIENT, socket, -1);
    }

    /** Speaks on an inherited socket, and offers everything that is not optional. */
    public static BackendOptions descriptor(final int descriptor) {
        return of(Mode.DESCRIPTOR, null, descriptor);
    }

    /** The same with other permissions of the socket file. */
    public BackendOptions withPermissions(final int newPermissions) {
        return new BackendOptions(mode, socket, descriptor, newPermissions, featureMask, discardWhenDisabled, suspend,
            logBaseReply, mac, optional, iommu, state, memory);
    }

    /** The same with other virtio features that may be offered. */
    public BackendOptions withFeatureMask(final long newMask) {
        return new BackendOptions(mode, socket, descriptor, permissions, newMask, discardWhenDisabled, suspend,
            logBaseReply, mac, optional, iommu, state, memory);
    }

    /** The same with frames of disabled transmit rings discarded, or kept. */
    public BackendOptions withDiscardWhenDisabled(final boolean discard) {
        return new BackendOptions(mode, socket, descriptor, permissions, featureMask, discard, suspend,
            logBaseReply, mac, optional, iommu, state, memory);
    }

    /** The same with other ways in which it may be suspended. */
    public BackendOptions withSuspend(final SuspendOptions ways) {
        return new BackendOptions(mode, socket, descriptor, permissions, featureMask, discardWhenDisabled, ways,
            logBaseReply, mac, optional, iommu, state, memory);
    }

    /** The same with another length of the reply to SET_LOG_BASE. */
    public BackendOptions withLogBaseReply(final int bytes) {
        return new BackendOptions(mode, socket, descriptor, permissions, featureMask, discardWhenDisabled, suspend,
            bytes, mac, optional, iommu, state, memory);
    }

    /** The same with an address of the device. */
    public BackendOptions withMac(final long address) {
        return new BackendOptions(mode, socket, descriptor, permissions, featureMask, discardWhenDisabled, suspend,
            logBaseReply, address, optional, iommu, state, memory);
    }

    /** The same with an optional protocol feature offered. */
    public BackendOptions with(final ProtocolFeature feature) {
        return new BackendOptions(mode, socket, descriptor, permissions, featureMask, discardWhenDisabled, suspend,
            logBaseReply, mac, optional | feature.mask(), iommu, state, memory);
    }

    /** The same with ACCESS_PLATFORM offered, or not. */
    public BackendOptions withIommu(final boolean offered) {
        return new BackendOptions(mode, socket, descriptor, permissions, featureMask, discardWhenDisabled, suspend,
            logBaseReply, mac, optional, offered, state, memory);
    }

    /** The same with a directory in which the positions of packed rings are kept; null for nowhere. */
    public BackendOptions withState(final Path directory) {
        return new BackendOptions(mode, socket, descriptor, permissions, featureMask, discardWhenDisabled, suspend,
            logBaseReply, mac, optional, iommu, directory, memory);
    }

    /** The same with other files accepted as memory. */
    public BackendOptions withMemory(final MemoryFiles files) {
        return new BackendOptions(mode, socket, descriptor, permissions, featureMask, discardWhenDisabled, suspend,
            logBaseReply, mac, optional, iommu, state, files);
    }
}
