package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.os.Epoll;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.port.TransmitQueue;
import io.ringbridge.datapath.port.UplinkQueue;
import org.jspecify.annotations.Nullable;

import java.util.Arrays;

/**
 * The queues that a worker polls. Their kicks and devices are in the worker's epoll, so that they end its sleep.
 *
 * <p>The arrays are copied on write by the worker's thread. Any thread may read them.
 */
final class OwnedQueues {
    private static final int NONE = -1;

    private final Epoll epoll;
    private final int workers;
    private volatile TransmitQueue[] transmit = {};
    private volatile UplinkQueue[] uplinks = {};
    /** The index of the transmit queue that is being served, or {@link #NONE}. */
    private int served = NONE;

    /**
     * Creates an empty list.
     *
     * @param workers the number of workers, this one included
     */
    OwnedQueues(final Epoll epoll, final int workers) {
        this.epoll = epoll;
        this.workers = workers;
    }

    TransmitQueue[] transmit() {
        return transmit;
    }

    UplinkQueue[] uplinks() {
        return uplinks;
    }

    /** Records that a transmit queue is being polled, armed or completed: an interruption is attributed to it. */
    void serve(final int index) {
        served = index;
    }

    /** Records that no transmit queue is being served. */
    void serveNone() {
        served = NONE;
    }

    /** Returns the transmit queue that is being served, or null. */
    @Nullable TransmitQueue served() {
        return served != NONE && served < transmit.length ? transmit[served] : null;
    }

    /** Returns the number of running transmit queues and of uplink queues. */
    int count() {
        int running = uplinks.length;
        for (final TransmitQueue queue : transmit) {
            running += queue.running() ? 1 : 0;
        }
        return running;
    }

    /** Returns whether every buffer that the queues took is returned. */
    boolean idle() {
        boolean idle = true;
        for (final TransmitQueue queue : transmit) {
            idle &= queue.idle();
        }
        for (final UplinkQueue uplink : uplinks) {
            idle &= uplink.idle();
        }
        return idle;
    }

    /** Records a duty cycle that was too long, for each queue. */
    void recordStall(final long start, final long nanos) {
        for (final TransmitQueue queue : transmit) {
            queue.source().stalls().record(start, nanos);
        }
        for (final UplinkQueue uplink : uplinks) {
            uplink.source().stalls().record(start, nanos);
        }
    }

    void add(final TransmitQueue queue) {
        remove(queue); // a command that a fault interrupted may have added it
        queue.source().serveWith(workers);
        final TransmitQueue[] more = Arrays.copyOf(transmit, transmit.length + 1);
        more[transmit.length] = queue;
        transmit = more;
        if (queue.events().kick() != null) {
            epoll.add(queue.events().kick());
        }
    }

    void remove(final TransmitQueue queue) {
        if (queue.events().kick() != null) {
            epoll.remove(queue.events().kick()); // first: an unpolled queue must not wake the worker
        }
        transmit = Arrays.stream(transmit).filter(q -> q != queue).toArray(TransmitQueue[]::new);
    }

    void add(final UplinkQueue queue) {
        remove(queue);
        queue.source().serveWith(workers);
        final UplinkQueue[] more = Arrays.copyOf(uplinks, uplinks.length + 1);
        more[uplinks.length] = queue;
        uplinks = more;
        epoll.add(deviceOf(queue));
    }

    /** Returns the device of a queue that a worker owns. */
    static FrameDevice deviceOf(final UplinkQueue queue) {
        final FrameDevice device = queue.device();
        assert device != null : "a worker has only queues with a device";
        return device;
    }

    void remove(final UplinkQueue queue) {
        if (queue.device() != null) {
            epoll.remove(queue.device());
        }
        uplinks = Arrays.stream(uplinks).filter(q -> q != queue).toArray(UplinkQueue[]::new);
    }
}
