package io.ringbridge.control.handover;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The sections of a record, or of a section that consists of sections.
 *
 * <p>All sections are checked before the first is read. An unknown section is skipped if its writer allows that, and
 * refused otherwise. A section that occurs too often, or that is required and missing, is refused.
 */
public final class Sections {
    private static final int HEAD = 8;

    private final Map<SectionKind, List<StateReader>> found = new HashMap<>();

    private Sections() {
    }

    /**
     * Returns the sections of a stream without descriptors.
     *
     * @param known the kinds that the caller reads
     * @throws HandOverException if the sections are malformed, or not as expected
     */
    public static Sections of(final byte[] stream, final SectionKind... known) {
        return parse(ByteBuffer.wrap(stream).order(ByteOrder.LITTLE_ENDIAN), new PassedDescriptors(List.of()), known);
    }

    static Sections parse(final ByteBuffer content, final PassedDescriptors descriptors, final SectionKind... known) {
        final Sections sections = new Sections();
        while (content.hasRemaining()) {
            if (content.remaining() < HEAD) {
                throw new HandOverException("the state ends in the header of a section");
            }
            final int word = content.getInt();
            final int length = content.getInt();
            if (length < 0 || length > content.remaining()) {
                throw new HandOverException("section " + name(word, known) + " has "
                    + Integer.toUnsignedString(length) + " bytes, but the state has " + content.remaining() + " more");
            }
            final ByteBuffer part = content.slice(content.position(), length).order(ByteOrder.LITTLE_ENDIAN);
            content.position(content.position() + length);
            final Optional<SectionKind> kind = Arrays.stream(known).filter(each -> each.isMeantBy(word)).findFirst();
            if (kind.isPresent()) {
                sections.add(kind.get(), new StateReader(part, descriptors));
            } else if (!SectionKind.maySkip(word)) {
                throw new HandOverException("section " + name(word, known) + " has version "
                    + SectionKind.version(word) + ", which this version does not know and may not skip");
            }
        }
        for (final SectionKind kind : known) {
            if (kind.presence() == SectionKind.Presence.REQUIRED && !sections.found.containsKey(kind)) {
                throw new HandOverException("section " + kind.label() + " is missing from the state");
            }
        }
        return sections;
    }

    private static String name(final int word, final SectionKind... known) {
        final int number = SectionKind.number(word);
        return Arrays.stream(known).filter(kind -> kind.number() == number).map(SectionKind::label).findFirst()
            .orElse(Integer.toString(number));
    }

    private void add(final SectionKind kind, final StateReader content) {
        final List<StateReader> same = found.computeIfAbsent(kind, _ -> new ArrayList<>());
        if (!same.isEmpty() && kind.presence() != SectionKind.Presence.REPEATED) {
            throw new HandOverException("section " + kind.label() + " occurs twice in the state");
        }
        same.add(content);
    }

    /** Returns the section of a required kind. */
    public StateReader get(final SectionKind kind) {
        return all(kind).getFirst();
    }

    /** Returns the section of an optional kind, if there is one. */
    public Optional<StateReader> find(final SectionKind kind) {
        return all(kind).stream().findFirst();
    }

    /** Returns the sections of a repeated kind in the order in which they were written. */
    public List<StateReader> all(final SectionKind kind) {
        return found.getOrDefault(kind, List.of());
    }
}
