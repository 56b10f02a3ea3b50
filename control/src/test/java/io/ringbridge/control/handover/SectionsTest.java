package io.ringbridge.control.handover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** Tests the rules by which versions with different sections and fields understand each other. */
class SectionsTest {
    private static final SectionKind ONE = SectionKind.required(1, "one");
    private static final SectionKind TWO = SectionKind.optional(2, "two");
    private static final SectionKind MANY = SectionKind.repeated(3, "many");
    private static final SectionKind[] KNOWN = {ONE, TWO, MANY};
    private static final SectionKind STRANGE = SectionKind.repeated(900, "strange");

    /** Never changes: it is what all versions from format 5 on write, and what older device states have. */
    @Test
    void theHeaderOfASectionIsFixed() {
        final SectionKind later = new SectionKind(0x0203, 6, "later", SectionKind.Presence.REQUIRED, false);
        assertEquals("01000000" + "04000000" + "78563412" + "03020580" + "00000000",
            HexFormat.of().formatHex(new StateWriter().section(ONE, out -> out.number(0x1234_5678))
                .section(later.skippable(), _ -> { }).content()));
    }

    @Test
    void sectionsAreFoundInAnyOrderAndMayBeNested() {
        final Sections in = Sections.of(new StateWriter().section(MANY, out -> out.number(1))
            .section(ONE, out -> out.section(TWO, inner -> inner.text("inside")))
            .section(MANY, out -> out.number(2)).content(), KNOWN);
        assertEquals("inside", in.get(ONE).sections(TWO).find(TWO).orElseThrow().text());
        assertTrue(in.find(TWO).isEmpty(), "a default is used");
        assertEquals(List.of(1, 2), in.all(MANY).stream().map(StateReader::number).toList());
        assertEquals(List.of(), Sections.of(new byte[0], TWO, MANY).all(MANY));
    }

    @Test
    void aSectionMayBeLongerOrShorterThanTheReaderKnows() {
        final StateReader longer =
            Sections.of(new StateWriter().section(ONE, out -> out.number(7).text("new")).content(), ONE).get(ONE);
        assertEquals(7, longer.number());
        assertTrue(longer.hasMore());
        final StateReader shorter =
            Sections.of(new StateWriter().section(ONE, out -> out.number(7)).content(), ONE).get(ONE);
        assertEquals(7, shorter.number());
        assertFalse(shorter.hasMore(), "a default is used for further fields");
        assertEquals("the state ends early", assertThrows(HandOverException.class, shorter::wide).getMessage());
    }

    @Test
    void aSectionThatMayBeSkippedIsSkippedWithItsDescriptors() {
        final EventFd skipped = EventFd.create();
        final EventFd ignored = EventFd.create();
        try (EventFd wanted = EventFd.create()) {
            final StateWriter out = new StateWriter()
                .section(STRANGE.skippable(), section -> section.descriptor(skipped.fd()))
                .section(ONE, section -> section.descriptor(wanted.fd()).descriptor(ignored.fd()))
                .section(STRANGE.skippable(), section -> section.number(-1));
            try (StateRecord in = received(out)) {
                assertEquals(wanted.fd(), in.sections(KNOWN).get(ONE).descriptor());
            }
            assertTrue(isOpen(wanted.fd()));
            assertFalse(isOpen(skipped.fd()));
            assertFalse(isOpen(ignored.fd()), "the descriptor of a field that the reader does not know");
        }
    }

    /** The writer's descriptors stand for the copies that the kernel makes for the receiver. */
    private static StateRecord received(final StateWriter out) {
        return new StateRecord(out.content(), Arrays.stream(out.descriptors()).boxed().toList());
    }

    private static boolean isOpen(final int fd) {
        return Files.exists(Path.of("/proc/self/fd/" + fd));
    }

    private static Arguments refused(final String why, final UnaryOperator<StateWriter> sections) {
        return Arguments.of(why, sections);
    }

    private static Stream<Arguments> refusals() {
        final SectionKind next = new SectionKind(1, 2, "one", SectionKind.Presence.REQUIRED, false);
        return Stream.of(
            refused("section one is missing from the state", out -> out.section(TWO, _ -> { })),
            refused("section one is missing from the state", out -> out.section(next.skippable(), _ -> { })),
            refused("section one has version 2, which this version does not know and may not skip",
                out -> out.section(next, _ -> { })),
            refused("section 900 has version 1, which this version does not know and may not skip",
                out -> out.section(ONE, _ -> { }).section(STRANGE, section -> section.number(1))),
            refused("section one occurs twice in the state", out -> out.section(ONE, _ -> { }).section(ONE, _ -> { })),
            refused("section two occurs twice in the state",
                out -> out.section(ONE, _ -> { }).section(TWO, _ -> { }).section(TWO, _ -> { })),
            refused("the state ends in the header of a section", out -> out.section(ONE, _ -> { }).raw(new byte[7])),
            refused("section one has 5 bytes, but the state has 4 more", out -> out.number(1).number(5).number(0)),
            refused("section many has 4294967295 bytes, but the state has 0 more", out -> out.number(3).number(-1)));
    }

    @ParameterizedTest
    @MethodSource("refusals")
    void anythingElseIsRefusedInOneLineAndItsDescriptorsAreClosed(final String why,
                                                                  final UnaryOperator<StateWriter> sections) {
        final EventFd passed = EventFd.create();
        final StateWriter out = sections.apply(new StateWriter().section(MANY, each -> each.descriptor(passed.fd())));
        try (StateRecord in = received(out)) {
            assertEquals(why, assertThrows(HandOverException.class, () -> in.sections(KNOWN)).getMessage());
        }
        assertFalse(isOpen(passed.fd()));
    }

    @Test
    void aDescriptorIsTakenOnce() {
        final EventFd passed = EventFd.create();
        final StateWriter out = new StateWriter().descriptor(passed.fd()).number(0).number(1).number(-1);
        try (StateRecord in = received(out)) {
            Fd.close(in.content().descriptor());
            for (final String position : List.of("0", "1", "4294967295")) {
                assertEquals("descriptor " + position + " is missing from the state, or used twice",
                    assertThrows(HandOverException.class, in.content()::descriptor).getMessage());
            }
        }
    }
}
