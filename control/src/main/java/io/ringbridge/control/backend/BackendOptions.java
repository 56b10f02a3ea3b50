package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.transport.SocketAccess;
import io.ringbridge.datapath.memory.MemoryFiles;
import org.jspecify.annotations.Nullable;

import java.nio.file.Path;

/**
 * The socket of a port's back-end, and the features that the back-end offers.
 *
 * @param mode which side opens the socket
 * @param socket the path; null with {@link Mode#DESCRIPTOR}
 * @param descriptor an inherited, connected socket; only with {@link Mode#DESCRIPTOR}
 * @param access to the socket file; only with {@link Mode#SERVER}
 * @param featureMask the virtio features that may be offered
 * @param discardWhenDisabled whether frames of a started, disabled transmit ring are discarded, as the specification
 *     requires; otherwise they wait until it is enabled, which suits front-ends that disable rings to pause a guest
 * @param suspend the ways in which the front-end and the driver may suspend the port
 * @param logBaseReply the size in bytes of the reply to SET_LOG_BASE: 16 repeats the request; 8 bytes of zero suit
 *     front-ends that expect an acknowledgement
 * @param mac the address of the device, the first byte lowest; 0 if the front-end decides
 * @param optional the protocol features offered of those in {@link Offer#OPTIONAL}
 * @param iommu whether the guest may be behind an IOMMU of the front-end, so that ACCESS_PLATFORM is offered
 * @param state the directory for the journals of packed rings; null for no journals
 * @param memory the files that are accepted as memory
 */
public record BackendOptions(Mode mode, @Nullable Path socket, int descriptor, SocketAccess access,
                             long featureMask, boolean discardWhenDisabled, SuspendOptions suspend, int logBaseReply,
                             long mac, long optional, boolean iommu, @Nullable Path state, MemoryFiles memory) {
    /** The default size of the reply to SET_LOG_BASE. */
    public static final int DEFAULT_LOG_BASE_REPLY = 16;
    /** The other size of the reply to SET_LOG_BASE. */
    public static final int SHORT_LOG_BASE_REPLY = 8;

    /** The side that opens the socket. */
    public enum Mode {
        /** The back-end listens. */
        SERVER,
        /** The back-end connects, and reconnects after each connection. */
        CLIENT,
        /** The back-end uses an inherited socket, and ends with its connection. */
        DESCRIPTOR
    }

    private static BackendOptions of(final Mode mode, final @Nullable Path socket, final int descriptor) {
        return new BackendOptions(mode, socket, descriptor, SocketAccess.DEFAULT, -1, true,
            SuspendOptions.DEFAULT, DEFAULT_LOG_BASE_REPLY, 0, 0, false, null, MemoryFiles.RAM);
    }

    /** Returns options to listen on a path, and to offer everything that is not optional. */
    public static BackendOptions server(final Path socket) {
        return of(Mode.SERVER, socket, -1);
    }

    /** Returns options to connect to a path, and to offer everything that is not optional. */
    public static BackendOptions client(final Path socket) {
        return of(Mode.CLIENT, socket, -1);
    }

    /** Returns options to use an inherited socket, and to offer everything that is not optional. */
    public static BackendOptions descriptor(final int descriptor) {
        return of(Mode.DESCRIPTOR, null, descriptor);
    }

    /** Returns the path of the socket, which every mode but {@link Mode#DESCRIPTOR} has. */
    Path path() {
        assert socket != null : "the mode has a path";
        return socket;
    }

    /** Returns a copy whose socket file belongs to the user and group of the switch, with these permissions. */
    public BackendOptions withPermissions(final int newPermissions) {
        return new BackendOptions(mode, socket, descriptor, SocketAccess.of(newPermissions), featureMask,
            discardWhenDisabled, suspend, logBaseReply, mac, optional, iommu, state, memory);
    }

    /** Returns a copy with other virtio features that may be offered. */
    public BackendOptions withFeatureMask(final long newMask) {
        return new BackendOptions(mode, socket, descriptor, access, newMask, discardWhenDisabled, suspend,
            logBaseReply, mac, optional, iommu, state, memory);
    }

    /** Returns a copy that discards or keeps the frames of disabled transmit rings. */
    public BackendOptions withDiscardWhenDisabled(final boolean discard) {
        return new BackendOptions(mode, socket, descriptor, access, featureMask, discard, suspend,
            logBaseReply, mac, optional, iommu, state, memory);
    }

    /** Returns a copy with other ways to suspend the port. */
    public BackendOptions withSuspend(final SuspendOptions ways) {
        return new BackendOptions(mode, socket, descriptor, access, featureMask, discardWhenDisabled, ways,
            logBaseReply, mac, optional, iommu, state, memory);
    }

    /** Returns a copy with another size of the reply to SET_LOG_BASE. */
    public BackendOptions withLogBaseReply(final int bytes) {
        return new BackendOptions(mode, socket, descriptor, access, featureMask, discardWhenDisabled, suspend,
            bytes, mac, optional, iommu, state, memory);
    }

    /** Returns a copy with an address of the device. */
    public BackendOptions withMac(final long address) {
        return new BackendOptions(mode, socket, descriptor, access, featureMask, discardWhenDisabled, suspend,
            logBaseReply, address, optional, iommu, state, memory);
    }

    /** Returns a copy that also offers an optional protocol feature. */
    public BackendOptions with(final ProtocolFeature feature) {
        return new BackendOptions(mode, socket, descriptor, access, featureMask, discardWhenDisabled, suspend,
            logBaseReply, mac, optional | feature.mask(), iommu, state, memory);
    }

    /** Returns a copy that offers ACCESS_PLATFORM or not. */
    public BackendOptions withIommu(final boolean offered) {
        return new BackendOptions(mode, socket, descriptor, access, featureMask, discardWhenDisabled, suspend,
            logBaseReply, mac, optional, offered, state, memory);
    }

    /** Returns a copy with a directory for the journals of packed rings; null for no journals. */
    public BackendOptions withState(final @Nullable Path directory) {
        return new BackendOptions(mode, socket, descriptor, access, featureMask, discardWhenDisabled, suspend,
            logBaseReply, mac, optional, iommu, directory, memory);
    }

    /** Returns a copy that accepts other files as memory. */
    public BackendOptions withMemory(final MemoryFiles files) {
        return new BackendOptions(mode, socket, descriptor, access, featureMask, discardWhenDisabled, suspend,
            logBaseReply, mac, optional, iommu, state, files);
    }
}
