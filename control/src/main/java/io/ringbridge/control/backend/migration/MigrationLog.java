package io.ringbridge.control.backend.migration;

import io.ringbridge.control.backend.ring.DeviceQueues;
import io.ringbridge.control.backend.ring.PeerEvent;
import io.ringbridge.control.backend.ring.Relay;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.transport.Descriptors;
import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.MemoryFiles;
import org.jspecify.annotations.Nullable;

/**
 * The dirty log of one session (vhost-user, "Migration"), written while the front-end provides one and LOG_ALL is
 * negotiated.
 *
 * <p>Owned by the session's thread. A log is unmapped, and a descriptor closed, only after the port has acknowledged
 * that no worker uses it. A front-end that replaces a log assumes that the old one is complete once it has the reply.
 */
public final class MigrationLog implements AutoCloseable {
    private final DeviceQueues port;
    private final int replyBytes;
    private final MemoryFiles files;
    private @Nullable DirtyLog log;
    private @Nullable PeerEvent changed;
    private boolean wanted;

    /**
     * Creates the log of a session, which has no memory yet.
     *
     * @param replyBytes the size in bytes of the reply to SET_LOG_BASE: 8, or that of the request
     */
    public MigrationLog(final DeviceQueues port, final int replyBytes, final MemoryFiles files) {
        this.port = port;
        this.replyBytes = replyBytes;
        this.files = files;
    }

    /** Turns the log on or off: LOG_ALL may be negotiated while rings run. */
    public void setWanted(final boolean logAll) {
        if (wanted != logAll) {
            wanted = logAll;
            apply();
        }
    }

    /**
     * Serves SET_LOG_BASE: replaces the log.
     *
     * @return the reply
     */
    public byte[] setLogBase(final Message.SetLogBase place, final Descriptors descriptors) {
        if (descriptors.count() == 0) {
            throw ProtocolException.refused("no descriptor; one for the log's memory is required");
        }
        final DirtyLog old = log;
        log = DirtyLog.map(accept(descriptors.take(0)), place.offset(), place.size());
        apply();
        if (old != null) {
            old.close();
        }
        return replyBytes == Long.BYTES ? Codec.number(0) : Codec.encode(place);
    }

    /** Serves SET_LOG_FD: replaces the descriptor to signal, and owns it. */
    public void setLogFd(final PeerEvent event) {
        final PeerEvent old = changed;
        changed = event;
        apply();
        if (old != null) {
            old.close();
        }
    }

    private int accept(final int fd) {
        return files.accept(fd, "dirty log");
    }

    private void apply() {
        port.log(wanted ? log : null, changed == null ? null : changed.event());
    }

    /** Writes the location of the log for another process. */
    public void save(final StateWriter out) {
        out.section(HandOverSections.DIRTY_LOG, this::saveLog);
    }

    private void saveLog(final StateWriter out) {
        out.flag(wanted).flag(log != null);
        if (log != null) {
            out.wide(log.offset()).wide(log.size()).descriptor(log.fd());
        }
        out.event(changed == null ? StateWriter.NONE : changed.fd());
    }

    /** Maps the log of another process. There must be none yet. */
    public void restore(final Sections sections, final Relay relay) {
        final StateReader in = sections.get(HandOverSections.DIRTY_LOG);
        wanted = in.flag();
        if (in.flag()) {
            final long offset = in.wide();
            final long size = in.wide();
            log = DirtyLog.map(accept(in.descriptor()), offset, size);
        }
        changed = in.event(relay::notification);
        apply();
    }

    /** Unmaps and closes everything. The port must be detached before. */
    @Override
    public void close() {
        if (log != null) {
            log.close();
            log = null;
        }
        if (changed != null) {
            changed.close();
            changed = null;
        }
    }
}
