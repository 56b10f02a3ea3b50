package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.packet.FrameKinds;
import io.ringbridge.datapath.port.ReceiveQueue;
import org.jspecify.annotations.Nullable;

import java.util.Arrays;

/** The queues that received frames since the last flush. Owned by one worker. */
final class EgressBurst {
    private final Notifier notifier;
    private @Nullable ReceiveQueue[] touched = new ReceiveQueue[64];
    private int touchedCount;
    private long delivered;

    EgressBurst(final Notifier notifier) {
        this.notifier = notifier;
    }

    /** Returns the number of frames delivered since the start. */
    long delivered() {
        return delivered;
    }

    /** Records that a queue received a frame. */
    void recordDelivered(final ReceiveQueue queue, final int length) {
        recordDelivered(queue, 1, length, FrameKinds.ofLength(length));
    }

    /**
     * Records that a queue received frames.
     *
     * @param lengths the sum of their {@link FrameKinds#ofLength}
     */
    void recordDelivered(final ReceiveQueue queue, final int count, final long bytes, final long lengths) {
        queue.delivered(count, bytes);
        queue.counters().movedLengths(lengths);
        delivered += count;
        touch(queue);
    }

    /** Records frames that an uplink took. An uplink needs no notification. */
    void addDelivered(final int count) {
        delivered += count;
    }

    /** Records that a queue has used buffers that its driver cannot see yet. */
    void touch(final ReceiveQueue queue) {
        if (queue.touch()) {
            if (touchedCount == touched.length) {
                touched = Arrays.copyOf(touched, 2 * touchedCount);
            }
            touched[touchedCount++] = queue;
        }
    }

    /** Forgets the queues recorded: after a fault, recovery flushes all queues and notifies all drivers. */
    void forget() {
        Arrays.fill(touched, null);
        touchedCount = 0;
    }

    /** Ends the burst for every queue that received frames. */
    void flush() {
        for (int i = 0; i < touchedCount; i++) {
            final ReceiveQueue queue = touched[i];
            assert queue != null;
            queue.flush();
            notifier.add(queue);
            touched[i] = null;
        }
        touchedCount = 0;
    }
}
