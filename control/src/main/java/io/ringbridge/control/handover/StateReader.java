package io.ringbridge.control.handover;

import io.ringbridge.datapath.os.Fd;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.IntFunction;
import java.util.function.Supplier;

/**
 * A record that came, in the order in which it was written. It owns the descriptors that nobody has taken, and closes them.
 *
 * <p>Whatever does not fit makes a {@link HandOverException}.
 */
public final class StateReader implements AutoCloseable {
    private final ByteBuffer content;
    private final Deque<Integer> descriptors;

    StateReader(final byte[] content, final Deque<Integer> descriptors) {
        this.content = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        this.descriptors = new ArrayDeque<>(descriptors);
    }

    private static <T> T read(final Supplier<T> part) {
        try {
            return part.get();
        } catch (final BufferUnderflowException e) {
            throw new HandOverException("the state ends early", e);
        }
    }

    /** A yes or no. */
    public boolean flag() {
        final byte value = read(content::get);
        if (value != 0 && value != 1) {
            throw new HandOverException("a flag in the state is " + value);
        }
        return value != 0;
    }

    /** 32 bits. */
    public int number() {
        return read(content::getInt);
    }

    /** 32 bits that count something. */
    public int count(final int most) {
        final int value = number();
        if (value < 0 || value > most) {
            throw new HandOverException("a count in the state is " + Integer.toUnsignedString(value) + "; at most " + most + " is allowed");
        }
        return value;
    }

    /** 64 bits. */
    public long wide() {
        return read(content::getLong);
    }

    /** Bytes. */
    public byte[] bytes() {
        final byte[] value = new byte[count(content.remaining())];
        return read(() -> {
            content.get(value);
            return value;
        });
    }

    /** A text. */
    public String text() {
        return new String(bytes(), StandardCharsets.UTF_8);
    }

    /** Takes a descriptor over. */
    public int descriptor() {
        final Integer fd = descriptors.poll();
        if (fd == null) {
            throw new HandOverException("a descriptor is missing in the state");
        }
        return fd;
    }

    /** Returns the event that is made of a descriptor, which is taken over, or null if there is none. */
    public <T> T event(final IntFunction<T> adopt) {
        return flag() ? adopt.apply(descriptor()) : null;
    }

    /** Says that nothing may follow. */
    public void end() {
        if (content.hasRemaining() || !descriptors.isEmpty()) {
            throw new HandOverException("the state goes on for " + content.remaining() + " bytes and " + descriptors.size()
                + " descriptors that are not understood");
        }
    }

    @Override
    public void close() {
        for (Integer fd = descriptors.poll(); fd != null; fd = descriptors.poll()) {
            Fd.close(fd);
        }
    }
}
