package io.ringbridge.control.handover;

import io.ringbridge.datapath.os.Fd;
import org.jspecify.annotations.Nullable;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.IntFunction;
import java.util.function.Supplier;

/**
 * Reads a received record, in the order in which it was written. It owns the descriptors that nobody has taken, and
 * closes them.
 *
 * <p>Every method that finds something else than it expects throws a {@link HandOverException}.
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

    /** Reads a boolean. */
    public boolean flag() {
        final byte value = read(content::get);
        if (value != 0 && value != 1) {
            throw new HandOverException("a flag in the state is " + value);
        }
        return value != 0;
    }

    /** Reads 32 bits. */
    public int number() {
        return read(content::getInt);
    }

    /** Reads 32 bits that count something, from 0 to {@code most}. */
    public int count(final int most) {
        final int value = number();
        if (value < 0 || value > most) {
            throw new HandOverException("a count in the state is " + Integer.toUnsignedString(value)
                + "; at most " + most + " is allowed");
        }
        return value;
    }

    /** Reads 64 bits. */
    public long wide() {
        return read(content::getLong);
    }

    /** Reads bytes, whose number precedes them. */
    public byte[] bytes() {
        final byte[] value = new byte[count(content.remaining())];
        return read(() -> {
            content.get(value);
            return value;
        });
    }

    /** Reads a text. */
    public String text() {
        return new String(bytes(), StandardCharsets.UTF_8);
    }

    /** Returns the next descriptor, which the caller owns from then on. */
    public int descriptor() {
        final Integer fd = descriptors.poll();
        if (fd == null) {
            throw new HandOverException("a descriptor is missing from the state");
        }
        return fd;
    }

    /** Returns the event made from the next descriptor, which the event owns, or null if the record has none. */
    public <T> @Nullable T event(final IntFunction<T> adopt) {
        return flag() ? adopt.apply(descriptor()) : null;
    }

    /** Checks that the record has been read completely. */
    public void end() {
        if (content.hasRemaining() || !descriptors.isEmpty()) {
            throw new HandOverException("the state has " + content.remaining() + " bytes and " + descriptors.size()
                + " descriptors more than this version understands");
        }
    }

    @Override
    public void close() {
        for (Integer fd = descriptors.poll(); fd != null; fd = descriptors.poll()) {
            Fd.close(fd);
        }
    }
}
