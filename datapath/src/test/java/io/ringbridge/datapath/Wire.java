package io.ringbridge.datapath;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.FrameDevice;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** A device for tests that keeps written frames and provides given ones. By default it has no offloads. */
final class Wire implements FrameDevice, AutoCloseable {
    final List<byte[]> written = new ArrayList<>();
    final Deque<byte[]> given = new ArrayDeque<>();
    boolean offloads;
    /** The flags in the header of given frames. */
    byte flags;
    /** The header of given frames, or null for one with {@link #flags} only. */
    byte[] header;
    /** Whether the device refuses frames whose header requests an offload. */
    boolean refusesRequests;
    long refusal;
    int flushes;
    private final EventFd event = EventFd.create();

    /** A clock that advances a millisecond per reading, so that workers poll an empty device again at once. */
    static final class Clock {
        private long now;

        long nanos() {
            now += 1_000_000;
            return now;
        }
    }

    @Override
    public boolean offloads() {
        return offloads;
    }

    @Override
    public long read(final long address, final int length) {
        if (given.isEmpty()) {
            return AGAIN;
        }
        final byte[] frame = given.poll();
        Memory.zero(address, HEADER);
        Memory.putByte(address, flags);
        if (header != null) {
            Memory.copy(header, 0, address, header.length);
        }
        Memory.copy(frame, 0, address + HEADER, frame.length);
        return (long) HEADER + frame.length;
    }

    @Override
    public long write(final long iovecs, final int count) {
        if (refusal < 0) {
            return refusal;
        }
        assertEquals(HEADER, Memory.getLong(iovecs + 8));
        if (refusesRequests && Memory.getLong(Memory.getLong(iovecs)) != 0) {
            return INVALID;
        }
        assertEquals(0, Memory.getLong(Memory.getLong(iovecs)), "a header that requests nothing");
        final byte[] frame = new byte[1 << 17];
        int length = 0;
        for (int i = 1; i < count; i++) {
            final int piece = (int) Memory.getLong(iovecs + 16L * i + 8);
            Memory.copy(Memory.getLong(iovecs + 16L * i), frame, length, piece);
            length += piece;
        }
        written.add(Arrays.copyOf(frame, length));
        return length;
    }

    @Override
    public void flush() {
        flushes++;
    }

    @Override
    public int fd() {
        return event.fd();
    }

    @Override
    public boolean arm() {
        return !given.isEmpty();
    }

    @Override
    public void disarm() {
        // signals nothing
    }

    @Override
    public void close() {
        event.close();
    }
}
