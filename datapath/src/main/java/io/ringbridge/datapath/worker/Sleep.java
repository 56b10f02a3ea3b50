package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.forward.Inbox;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Epoll;
import io.ringbridge.datapath.port.TransmitQueue;
import io.ringbridge.datapath.port.UplinkQueue;

import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * The sleep of a worker that has no work. A driver's kick, a frame at a device or the inbox's alarm ends it.
 *
 * <p>Owned by one worker.
 */
final class Sleep {
    private static final int MAX_MILLIS = 1000;

    private final Inbox inbox;
    private final OwnedQueues queues;
    private final Epoll epoll;
    private final BooleanSupplier hasWork;
    private final LongSupplier nanoClock;

    /**
     * Creates the sleep of a worker.
     *
     * @param hasWork whether other threads have left work; evaluated once they know that they have to wake the worker
     */
    Sleep(final Inbox inbox, final OwnedQueues queues, final Epoll epoll, final BooleanSupplier hasWork,
          final LongSupplier nanoClock) {
        this.inbox = inbox;
        this.queues = queues;
        this.epoll = epoll;
        this.hasWork = hasWork;
        this.nanoClock = nanoClock;
    }

    /**
     * Sleeps until something wakes the worker or a timeout expires. Returns at once if work waits.
     *
     * @throws InternalError if arming the kicks met a fault in guest memory
     */
    void untilWoken() {
        inbox.asleep(true);
        try {
            final int millis = arm();
            epoll.await(millis);
            disarm();
        } finally {
            inbox.asleep(false);
        }
    }

    /**
     * Arms the kicks of the drivers and the devices.
     *
     * @return the milliseconds to sleep at most, 0 if there is work
     */
    private int arm() {
        final long nanos = nanoClock.getAsLong();
        int millis = MAX_MILLIS;
        boolean busy = hasWork.getAsBoolean();
        final TransmitQueue[] armed = queues.transmit();
        for (int i = 0; i < armed.length; i++) {
            final TransmitQueue queue = armed[i];
            queues.serve(i);
            busy |= !queue.idle() || queue.ring() != null && !queue.ring().isWaiting() && queue.ring().armKicks();
            millis = queue.sleepMillis(nanos, millis);
        }
        Memory.surfaceFault(); // rather than after the sleep
        queues.serveNone();
        for (final UplinkQueue uplink : queues.uplinks()) {
            busy |= !uplink.idle() || uplink.ready() && (uplink.hasReady() || OwnedQueues.deviceOf(uplink).arm());
            if (uplink.port().failure() != null) {
                epoll.remove(OwnedQueues.deviceOf(uplink)); // a failed device stays ready and would end every sleep
            }
        }
        return busy ? 0 : millis;
    }

    private void disarm() {
        for (final TransmitQueue queue : queues.transmit()) {
            if (queue.ring() != null) {
                queue.ring().suppressKicks();
            }
            if (queue.events().kick() != null && epoll.isReady(queue.events().kick())) {
                queue.port().activity().countKicks(1);
                queue.counters().kicked();
            }
        }
        // A kick left in its eventfd would end the next sleep. If this process dies, the front-end would find the kick
        // and serve the ring itself.
        epoll.drain();
        for (final UplinkQueue uplink : queues.uplinks()) {
            OwnedQueues.deviceOf(uplink).disarm();
        }
    }
}
