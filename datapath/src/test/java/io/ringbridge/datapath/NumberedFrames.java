package io.ringbridge.datapath;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.ring.DriverRing;

import java.util.List;

/** Sends frames that carry a number, from buffers that are reused. */
final class NumberedFrames {
    private final TestGuest guest;
    private final long[] buffers = new long[256];

    NumberedFrames(final TestGuest guest) {
        this(guest, 2, 1);
    }

    NumberedFrames(final TestGuest guest, final int destination, final int source) {
        this.guest = guest;
        final byte[] frame = Frames.ethernet(destination, source, 64);
        for (int i = 0; i < buffers.length; i++) {
            buffers[i] = guest.allocate(128, 64);
            Memory.copy(frame, 0, buffers[i] + TestGuest.HEADER, frame.length);
        }
    }

    boolean send(final long number) {
        final DriverRing ring = guest.transmit.get(0).ring;
        guest.reap();
        final long buffer = buffers[(int) number & 255];
        Memory.putLong(buffer + TestGuest.HEADER + 14, number);
        if (ring.add(guest.guest(buffer), TestGuest.HEADER + 64, false) < 0) {
            return false;
        }
        if (ring.publish()) {
            guest.transmit.get(0).kick.signal();
        }
        return true;
    }

    void drain(final TestGuest receiver, final List<Long> numbers) {
        final TestGuest.Queue queue = receiver.receive.get(0);
        for (int id = queue.ring.poll(); id >= 0; id = queue.ring.poll()) {
            numbers.add(Memory.getLong(queue.buffers[id] + TestGuest.HEADER + 14));
            queue.post(queue.buffers[id], queue.lengths[id]);
        }
        queue.ring.publish();
    }
}
