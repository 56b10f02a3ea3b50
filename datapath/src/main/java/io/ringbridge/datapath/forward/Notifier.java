package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.GuestQueue;
import org.jspecify.annotations.Nullable;

import java.util.Arrays;

/**
 * Decides when to check which drivers want a notification for used buffers that they can see.
 *
 * <p>A check costs a full fence, and a cache line that the driver is about to write. The worker therefore checks all
 * queues together, after a moment without work (a microsecond or less) or after a while of constant work.
 *
 * <p>Owned by one worker.
 */
public final class Notifier {
    /** The number of duty cycles without work after which all queues are settled. */
    private static final int QUIET_CYCLES = 16;
    /** The number of duty cycles with work after which all queues are settled in any case. */
    private static final int BUSY_CYCLES = 16;

    private @Nullable GuestQueue[] unsettled = new GuestQueue[64];
    private int count;
    private int quiet;
    private int busy;

    /** Records a queue whose driver may want a notification. */
    void add(final GuestQueue queue) {
        if (queue.markUnsettled()) {
            if (count == unsettled.length) {
                unsettled = Arrays.copyOf(unsettled, 2 * count);
            }
            unsettled[count++] = queue;
        }
    }

    /** Ends a duty cycle, and settles if it is time. */
    public void endCycle(final boolean worked) {
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

    /** Forgets the queues recorded: after a fault, recovery notifies all drivers. */
    public void forget() {
        Arrays.fill(unsettled, null);
        count = 0;
        quiet = 0;
        busy = 0;
    }

    /** Notifies the drivers of the recorded queues if they want a notification. */
    public void settle() {
        if (count == 0) {
            return;
        }
        // The used buffers must be visible before the drivers' event suppression is read
        // (virtio 1.2, sections 2.7.10 and 2.8.21.3.1).
        Memory.fullFence();
        for (int i = 0; i < count; i++) {
            final GuestQueue queue = unsettled[i];
            assert queue != null;
            queue.markSettled();
        }
        Arrays.fill(unsettled, 0, count, null);
        count = 0;
        quiet = 0;
        busy = 0;
    }
}
