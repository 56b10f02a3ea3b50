package io.ringbridge.control.backend.ring;

import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.transport.Descriptors;
import io.ringbridge.datapath.memory.MemoryFiles;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.ring.InflightArea;
import io.ringbridge.datapath.ring.InflightRegion;
import io.ringbridge.datapath.ring.RingConfig;
import org.jspecify.annotations.Nullable;

/**
 * The area in which one session records chains in flight for its front-end (vhost-user, "Inflight I/O tracking").
 *
 * <p>Owned by the session's thread. Closed only after every ring that writes to it has stopped.
 */
public final class Inflight implements AutoCloseable {
    private final int vrings;
    private final MemoryFiles files;
    private @Nullable InflightArea area;

    public Inflight(final int vrings, final MemoryFiles files) {
        this.vrings = vrings;
        this.files = files;
    }

    /**
     * Serves GET_INFLIGHT_FD: creates an empty, zeroed area.
     *
     * @param packed whether the area is for packed rings; such an area also has room for split rings
     */
    public MemFd getInflightFd(final Message.InflightFd wanted, final boolean packed) {
        check(wanted);
        return MemFd.create("ringbridge-inflight", InflightArea.bytes(wanted.queues(), wanted.queueSize(), packed));
    }

    /**
     * Serves SET_INFLIGHT_FD: replaces the area.
     *
     * @param running whether any ring runs; if so, this method throws
     */
    public void setInflightFd(final Message.InflightFd given, final Descriptors descriptors, final boolean running) {
        if (running) {
            throw ProtocolException.refused("rings run; this is only allowed while all are stopped");
        }
        check(given);
        final int fd = accept(descriptors.take(0));
        final InflightArea next =
            InflightArea.map(fd, given.offset(), given.size(), given.queues(), given.queueSize());
        close();
        area = next;
    }

    private int accept(final int fd) {
        return files.accept(fd, "in-flight area");
    }

    private void check(final Message.InflightFd message) {
        check(message.queues(), message.queueSize());
    }

    private void check(final int queues, final int queueSize) {
        if (queues <= 0 || queues > vrings || queueSize <= 0 || queueSize > RingConfig.MAX_SIZE) {
            throw ProtocolException.refused(queues + " queues of size " + queueSize + "; allowed: 1 to " + vrings
                + " of size 1 to " + RingConfig.MAX_SIZE);
        }
    }

    /** Writes the area for another process, if there is one. */
    public void save(final StateWriter out) {
        final InflightArea saved = area;
        if (saved != null) {
            out.section(HandOverSections.INFLIGHT, section -> section.wide(saved.offset()).wide(saved.size())
                .number(saved.queues()).number(saved.queueSize()).descriptor(saved.fd()));
        }
    }

    /**
     * Maps the area of another process. There must be none yet. Its content is read and written only when rings run.
     */
    public void restore(final Sections in) {
        area = in.find(HandOverSections.INFLIGHT).map(this::map).orElse(null);
    }

    private InflightArea map(final StateReader in) {
        final long offset = in.wide();
        final long size = in.wide();
        final int queues = in.number();
        final int queueSize = in.number();
        check(queues, queueSize);
        return InflightArea.map(accept(in.descriptor()), offset, size, queues, queueSize);
    }

    /**
     * Returns the record of a ring's chains, or null if there is no area.
     *
     * @throws io.ringbridge.datapath.memory.MemoryException if the area has no room for the ring
     */
    @Nullable InflightRegion region(final int vring, final int size, final boolean packed) {
        return area == null ? null : area.region(vring, size, packed);
    }

    @Override
    public void close() {
        if (area != null) {
            area.close();
            area = null;
        }
    }
}
