package io.ringbridge.control.handover;

import org.jspecify.annotations.Nullable;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.function.IntFunction;
import java.util.function.Supplier;

/**
 * Reads the content of a record or of a section, in the order in which it was written: either fields or sections.
 *
 * <p>Every method that finds something other than it expects throws a {@link HandOverException}. Fields that are not
 * read are ignored, and their descriptors are closed with the {@link StateRecord}.
 */
public final class StateReader {
    private final ByteBuffer content;
    private final PassedDescriptors descriptors;

    StateReader(final ByteBuffer content, final PassedDescriptors descriptors) {
        this.content = content;
        this.descriptors = descriptors;
    }

    private static <T> T read(final Supplier<T> part) {
        try {
            return part.get();
        } catch (final BufferUnderflowException e) {
            throw new HandOverException("the state ends early", e);
        }
    }

    /** Whether there are further fields. A writer of an earlier version has written fewer. */
    public boolean hasMore() {
        return content.hasRemaining();
    }

    /** Reads a boolean. */
    public boolean flag() {
        final int value = octet();
        if (value > 1) {
            throw new HandOverException("a flag in the state is " + value);
        }
        return value != 0;
    }

    /** Reads 8 bits, unsigned. */
    public int octet() {
        return Byte.toUnsignedInt(read(content::get));
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
        return raw(count(content.remaining()));
    }

    /** Reads that many bytes. */
    public byte[] raw(final int length) {
        return read(() -> {
            final byte[] value = new byte[Math.min(length, content.remaining() + 1)];
            content.get(value);
            return value;
        });
    }

    /** Reads the remaining bytes. */
    public byte[] rest() {
        return raw(content.remaining());
    }

    /** Reads a text. */
    public String text() {
        return new String(bytes(), StandardCharsets.UTF_8);
    }

    /** Returns the next descriptor, which the caller owns from then on. */
    public int descriptor() {
        return descriptors.take(number());
    }

    /** Returns the event made from the next descriptor, which the event owns, or null if there is none. */
    public <T> @Nullable T event(final IntFunction<T> adopt) {
        return flag() ? adopt.apply(descriptor()) : null;
    }

    /**
     * Reads the sections that this content consists of.
     *
     * @param known the kinds that the caller reads
     */
    public Sections sections(final SectionKind... known) {
        return Sections.parse(content, descriptors, known);
    }
}
