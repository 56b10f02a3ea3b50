package io.ringbridge.control.backend;

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

/**
 * The area in which one session's front-end lets chains in flight be recorded (vhost-user, "Inflight I/O tracking").
 *
 * <p>Owned by the session's thread. Closed only after every ring that writes to it was stopped.
 */
final class Inflight implements AutoCloseable {
    private final int vrings;
    private final MemoryFiles files;
    private InflightArea area;

    /** For a port with so many vrings. */
    Inflight(final int vrings, final MemoryFiles files) {
        this.vrings = vrings;
        this.files = files;
    }

    /**
     * GET_INFLIGHT_FD: a new area, all zeros, which nobody has recorded anything in.
     *
     * @param packed which layout it is for; a packed ring's also has room for a split one's
     */
    MemFd create(final Message.InflightFd wanted, final boolean packed) {
        check(wanted);
        return MemFd.create("ringbridge-inflight", InflightArea.bytes(wanted.queues(), wanted.queueSize(), packed));
    }

    /**
     * SET_INFLIGHT_FD: another area in place of the one there was.
     *
     * @param running whether a ring runs, as none may
     */
    void replace(final Message.InflightFd given, final Descriptors descriptors, final boolean running) {
        if (running) {
            throw ProtocolException.refused("rings run; this is allowed while all are stopped");
        }
        check(given);
        final InflightArea next =
            InflightArea.map(accept(descriptors.take(0)), given.offset(), given.size(), given.queues(), given.queueSize());
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

    /** Writes the area down, for another process. */
    void save(final StateWriter out) {
        out.flag(area != null);
        if (area != null) {
            out.wide(area.offset()).wide(area.size()).number(area.queues()).number(area.queueSize()).descriptor(area.fd());
        }
    }

    /** Maps the area of another process, in place of none. What is in it is read and written when the rings run. */
    void restore(final StateReader in) {
        if (in.flag()) {
            final long offset = in.wide();
            final long size = in.wide();
            final int queues = in.number();
            final int queueSize = in.number();
            check(queues, queueSize);
            area = InflightArea.map(accept(in.descriptor()), offset, size, queues, queueSize);
        }
    }

    /**
     * Where a ring's chains are to be recorded; null for nowhere.
     *
     * @throws io.ringbridge.datapath.memory.MemoryException when there is an area, and no room for the ring in it
     */
    InflightRegion region(final int vring, final int size, final boolean packed) {
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
