package io.ringbridge.control.handover;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Writes sections: little-endian numbers, and descriptors, which remain owned by whoever opened them. The content has
 * the position of each descriptor among those of the record, so a reader that skips a section skips its descriptors.
 */
public final class StateWriter {
    /** Stands for a missing descriptor. */
    public static final int NONE = -1;

    private static final int MIN_ROOM = 1024;

    private ByteBuffer content = ByteBuffer.allocate(MIN_ROOM).order(ByteOrder.LITTLE_ENDIAN);
    private int[] descriptors = {};

    private ByteBuffer room(final int bytes) {
        if (content.remaining() < bytes) {
            final ByteBuffer larger =
                ByteBuffer.allocate(2 * content.capacity() + bytes).order(ByteOrder.LITTLE_ENDIAN);
            content = larger.put(content.flip());
        }
        return content;
    }

    /** Adds a section, whose content {@code body} writes: either fields or sections. */
    public StateWriter section(final SectionKind kind, final Consumer<StateWriter> body) {
        number(kind.word()).number(0);
        final int start = content.position();
        body.accept(this);
        content.putInt(start - Integer.BYTES, content.position() - start);
        return this;
    }

    /** Adds a boolean. */
    public StateWriter flag(final boolean value) {
        return octet(value ? 1 : 0);
    }

    /** Adds the low 8 bits of a value. */
    public StateWriter octet(final int value) {
        room(1).put((byte) value);
        return this;
    }

    /** Adds 32 bits. */
    public StateWriter number(final int value) {
        room(Integer.BYTES).putInt(value);
        return this;
    }

    /** Adds 64 bits. */
    public StateWriter wide(final long value) {
        room(Long.BYTES).putLong(value);
        return this;
    }

    /** Adds bytes, preceded by their number. */
    public StateWriter bytes(final byte[] value) {
        return number(value.length).raw(value);
    }

    /** Adds bytes. */
    public StateWriter raw(final byte[] value) {
        room(value.length).put(value);
        return this;
    }

    /** Adds a text. */
    public StateWriter text(final String value) {
        return bytes(value.getBytes(StandardCharsets.UTF_8));
    }

    /** Adds a descriptor, which must stay open until the record is sent. */
    public StateWriter descriptor(final int fd) {
        number(descriptors.length);
        descriptors = Arrays.copyOf(descriptors, descriptors.length + 1);
        descriptors[descriptors.length - 1] = fd;
        return this;
    }

    /** Adds an optional event: whether it exists, and its descriptor. {@link #NONE} means that there is no event. */
    public StateWriter event(final int fd) {
        flag(fd != NONE);
        return fd == NONE ? this : descriptor(fd);
    }

    /** Returns what was written, without the descriptors. */
    public byte[] content() {
        return Arrays.copyOf(content.array(), content.position());
    }

    int[] descriptors() {
        return descriptors;
    }
}
