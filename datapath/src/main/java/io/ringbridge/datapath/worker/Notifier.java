package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.GuestQueue;

import java.util.Arrays;

/**
 * Decides when drivers are asked whether they want a notification for the buffers they have been shown.
 *
 * <p>To ask costs a full fence, and a cache line that the driver is about to write. So it is done when the worker has found nothing for
 * a moment, a microsecond or less, or has been busy for a while, and then for all queues at once. Owned by one worker.
 */
final class Notifier {
    /** Duty cycles without work after which everything is settled. */
    private static final int QUIET_CYCLES = 16;
    /** Duty cycles with work after which everything is settled in any case. */
    private static final int BUSY_CYCLES = 16;

    private GuestQueue[] unsettled = new GuestQueue[64];
    private int count;
    private int quiet;
    private int busy;

    /** Notes a queue whose driver may want a notification. */
    void add(final GuestQueue queue) {
        if (queue.unsettle()) {
            if (count == unsettled.length) {
                unsettled = Arrays.copyOf(unsettled, 2 * count);
            }
            unsettled[count++] = queue;
        }
    }

    /** Notes that a duty cycle has ended, and settles when it is time. */
    void cycle(final boolean worked) {
        if (count == 0) {
            return;
        }
        if (worked) {
            quiet = 0;
            busy++;
        } else {
            quiet++;
        }
        if (quiet >= QUIET_CYCLES || busy >= BUSY_CYCLES) {
            settle();
        }
    }

    /** Forgets what was noted: after a fault all drivers are notified. */
    void forget() {
        Arrays.fill(unsettled, null);
        count = 0;
        quiet = 0;
        busy = 0;
    }

    /** Notifies, of the drivers whose queues were noted, those that want it. */
    void settle() {
        if (count == 0) {
            return;
        }
        // Not before what is used is visible may the drivers' wishes be read (virtio 1.2, sections 2.7.10 and 2.8.21.3.1).
        Memory.fullFence();
        for (int i = 0; i < count; i++) {
            unsettled[i].settle();
        }
        Arrays.fill(unsettled, 0, count, null);
        count = 0;
        quiet = 0;
        busy = 0;
    }
}
