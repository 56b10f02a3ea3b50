package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.port.ReceiveQueue;

import java.util.Arrays;

/** The queues that got something since the last flush, and how much. Owned by one worker. */
final class EgressBurst {
    private final Notifier notifier;
    private ReceiveQueue[] touched = new ReceiveQueue[64];
    private int touchedCount;
    private long delivered;

    EgressBurst(final Notifier notifier) {
        this.notifier = notifier;
    }

    /** Frames delivered since the start. */
    long delivered() {
        return delivered;
    }

    /** Notes that a queue got frames. */
    void done(final ReceiveQueue queue, final int count, final long bytes) {
        queue.delivered(count, bytes);
        delivered += count;
        touch(queue);
    }

    /** Notes frames that an uplink took, which nobody is to be told of. */
    void delivered(final int count) {
        delivered += count;
    }

    /** Notes that a queue has used buffers which are not shown yet. */
    void touch(final ReceiveQueue queue) {
        if (queue.touch()) {
            if (touchedCount == touched.length) {
                touched = Arrays.copyOf(touched, 2 * touchedCount);
            }
            touched[touchedCount++] = queue;
        }
    }

    /** Forgets the queues that got something: after a fault all queues are shown, and their drivers notified, wherever it came. */
    void forget() {
        Arrays.fill(touched, null);
        touchedCount = 0;
    }

    /** Ends the burst for every queue that got something. */
    void flush() {
        for (int i = 0; i < touchedCount; i++) {
            touched[i].flush();
            notifier.add(touched[i]);
            touched[i] = null;
        }
        touchedCount = 0;
    }
}
