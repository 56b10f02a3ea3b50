package io.ringbridge.app;

import io.ringbridge.control.handover.HandOverSections;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;

/** Edits the sections of a message, as another version would write them. It knows only the headers of sections. */
final class SectionEditor {
    private static final int SECTION_HEADER = 8;
    private static final int NUMBER_MASK = 0xFFFF;
    /** Sections that consist of sections. */
    private static final Set<Integer> NESTED =
        Set.of(HandOverSections.SESSION.number(), HandOverSections.POSITIONS.number());

    private SectionEditor() {
    }

    /**
     * A section.
     *
     * @param word the number, the version, and whether the section may be skipped
     * @param content the fields, if {@code parts} is null
     * @param parts the sections that this one consists of
     */
    @SuppressWarnings("ArrayRecordComponent")
    record Part(int word, byte[] content, List<Part> parts) {
        static Part of(final int word, final byte... content) {
            return new Part(word, content, null);
        }

        boolean is(final int number) {
            return (word & NUMBER_MASK) == number;
        }

        private byte[] bytes() {
            return parts == null ? content : encode(parts);
        }
    }

    /** Returns the message with its top-level sections edited. */
    static HandOverMessage edit(final HandOverMessage message, final UnaryOperator<List<Part>> edit,
                                final int... additional) {
        final byte[] content = encode(edit.apply(decode(ByteBuffer.wrap(message.payload(), HandOverMessage.HEADER,
            message.payload().length - HandOverMessage.HEADER).slice())));
        final byte[] payload = Arrays.copyOf(message.payload(), HandOverMessage.HEADER + content.length);
        System.arraycopy(content, 0, payload, HandOverMessage.HEADER, content.length);
        final int[] descriptors =
            Arrays.copyOf(message.descriptors(), message.descriptors().length + additional.length);
        System.arraycopy(additional, 0, descriptors, message.descriptors().length, additional.length);
        return message.with(payload, descriptors);
    }

    /** Returns an edit of one list of sections that is applied at every level, to the innermost ones first. */
    static UnaryOperator<List<Part>> everywhere(final UnaryOperator<List<Part>> edit) {
        return parts -> edit.apply(parts.stream().map(part -> part.parts() == null ? part
            : new Part(part.word(), null, everywhere(edit).apply(part.parts()))).toList());
    }

    private static List<Part> decode(final ByteBuffer in) {
        in.order(ByteOrder.LITTLE_ENDIAN);
        final List<Part> parts = new ArrayList<>();
        while (in.hasRemaining()) {
            final int word = in.getInt();
            final byte[] content = new byte[in.getInt()];
            in.get(content);
            parts.add(NESTED.contains(word & NUMBER_MASK) ? new Part(word, null, decode(ByteBuffer.wrap(content)))
                : Part.of(word, content));
        }
        return parts;
    }

    private static byte[] encode(final List<Part> parts) {
        final int length = parts.stream().mapToInt(part -> SECTION_HEADER + part.bytes().length).sum();
        final ByteBuffer out = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        parts.forEach(part -> out.putInt(part.word()).putInt(part.bytes().length).put(part.bytes()));
        return out.array();
    }
}
