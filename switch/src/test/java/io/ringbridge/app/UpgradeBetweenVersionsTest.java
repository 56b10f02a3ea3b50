package io.ringbridge.app;

import io.ringbridge.api.PortView;
import io.ringbridge.app.SectionEditor.Part;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.handover.Step;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests hand-overs between versions whose states differ. A relay edits the stream between two equal ones. */
@Timeout(120)
class UpgradeBetweenVersionsTest {
    private static final int UNKNOWN = 999;
    private static final int MAY_SKIP = 1 << 31;
    private static final int NEXT_VERSION = 1 << 16;
    private static final String AND_MAY_NOT_BE_SKIPPED = ", which this version does not know and may not skip";
    /** The format whose records had no sections. */
    private static final int OLD_FORMAT = 4;
    private static final String FORMATS = "the other process uses format 4 of the hand-over, and this one format "
        + StateSocket.VERSION + "; stop the switch and start the other version instead";

    @TempDir
    private Path dir;

    private Config config() {
        return ConfigReader.parse("test", "ports: [{name: a, socket: " + dir.resolve("a") + "}, {name: b, socket: "
            + dir.resolve("b") + "}]");
    }

    private Switch start() {
        final Switch running = Switch.start(config());
        running.openPorts();
        return running;
    }

    private TalkingGuests guests(final String layout) throws IOException {
        return new TalkingGuests(dir.resolve("a"), dir.resolve("b"), Frontend.DEFAULT_FEATURES
            | ("packed".equals(layout) ? Features.of(Features.RING_PACKED) : 0));
    }

    private static List<Part> with(final List<Part> parts, final Part more) {
        return Stream.concat(parts.stream(), Stream.of(more)).toList();
    }

    /**
     * Returns the message of a version with a further field in every section, with a further section at every level,
     * and without counters. The further section has a descriptor.
     */
    private static HandOverMessage changed(final HandOverMessage message) {
        final byte[] position = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN)
            .putInt(message.descriptors().length).array();
        return SectionEditor.edit(message, SectionEditor.everywhere(parts -> with(parts.stream()
            .filter(part -> !part.is(HandOverSections.COUNTERS.number()))
            .map(part -> part.parts() == null ? Part.of(part.word(), longer(part.content())) : part).toList(),
            Part.of(UNKNOWN | MAY_SKIP, position))), EventFd.create().fd());
    }

    private static byte[] longer(final byte[] content) {
        final byte[] bytes = Arrays.copyOf(content, content.length + 3);
        Arrays.fill(bytes, content.length, bytes.length, (byte) 0xA5);
        return bytes;
    }

    private static List<Long> received(final Switch running) {
        return running.ports().views().stream().map(PortView::inFrames).toList();
    }

    @ParameterizedTest
    @CsvSource({"split", "packed"})
    void aVersionThatAddedAndRemovedFieldsTakesOver(final String layout) throws Exception {
        Switch running = start();
        try (TalkingGuests guests = guests(layout)) {
            guests.exchange(10);
            running.fdb().add("mac=52:54:00:00:00:77,port=a");
            final long descriptors = OpenDescriptors.count();
            for (int i = 0; i < 3; i++) {
                running = LocalUpgrade.run(dir, running, config(), UpgradeBetweenVersionsTest::changed);
                assertEquals(List.of(0L, 0L), received(running), "counters that are not sent start again");
                guests.exchange(300);
                assertEquals(List.of(300L, 300L), received(running));
                assertEquals(List.of(Map.of(), Map.of()),
                    running.ports().views().stream().map(PortView::drops).toList());
                assertEquals(3, running.fdb().stations().size());
            }
            guests.a.frontend.query(new Message.GetFeatures());
            assertEquals(descriptors, OpenDescriptors.count());
        } finally {
            running.close();
        }
    }

    private static Arguments refused(final Step step, final String why, final UnaryOperator<List<Part>> edit) {
        return Arguments.of(step, why, edit);
    }

    private static UnaryOperator<List<Part>> replacing(final int number, final UnaryOperator<Part> edit) {
        return SectionEditor.everywhere(parts ->
            parts.stream().map(part -> part.is(number) ? edit.apply(part) : part).toList());
    }

    private static UnaryOperator<List<Part>> repeating(final int number) {
        return SectionEditor.everywhere(parts -> parts.stream()
            .flatMap(part -> part.is(number) ? Stream.of(part, part) : Stream.of(part)).toList());
    }

    private static Stream<Arguments> refusals() {
        final int memory = HandOverSections.MEMORY.number();
        final UnaryOperator<List<Part>> unknown = parts -> with(parts, Part.of(UNKNOWN));
        return Stream.of(
            refused(Step.READY, "section 999 has version 1" + AND_MAY_NOT_BE_SKIPPED, unknown),
            refused(Step.SWITCH, "section 999 has version 1" + AND_MAY_NOT_BE_SKIPPED, unknown),
            refused(Step.PORT, "port a: section 999 has version 1" + AND_MAY_NOT_BE_SKIPPED, unknown),
            refused(Step.PORT, "port a: section 999 has version 1" + AND_MAY_NOT_BE_SKIPPED,
                SectionEditor.everywhere(unknown)),
            refused(Step.STATIONS, "section 999 has version 1" + AND_MAY_NOT_BE_SKIPPED, unknown),
            refused(Step.PREPARED, "section 999 has version 1" + AND_MAY_NOT_BE_SKIPPED, unknown),
            refused(Step.POSITIONS, "section 999 has version 1" + AND_MAY_NOT_BE_SKIPPED, unknown),
            refused(Step.TAKEN, "section 999 has version 1" + AND_MAY_NOT_BE_SKIPPED, unknown),
            refused(Step.PORT, "port a: section memory has version 2" + AND_MAY_NOT_BE_SKIPPED,
                replacing(memory, part -> Part.of(part.word() | NEXT_VERSION, part.content()))),
            refused(Step.PORT, "port a: the state ends early",
                replacing(memory, part -> Part.of(part.word(), Arrays.copyOf(part.content(), 20)))),
            refused(Step.PORT, "port a: section memory occurs twice in the state", repeating(memory)),
            refused(Step.PORT, "port a: the state has vring 0 twice", repeating(HandOverSections.VRING.number())),
            refused(Step.PORT, "port a: section memory is missing from the state", SectionEditor.everywhere(
                parts -> parts.stream().filter(part -> !part.is(memory)).toList())),
            refused(Step.POSITIONS, "section ring positions occurs twice in the state",
                repeating(HandOverSections.RING_POSITIONS.number())),
            refused(Step.POSITIONS, "the old process sent positions of 4 ports; expected 2",
                parts -> repeating(HandOverSections.POSITIONS.number()).apply(parts)));
    }

    @ParameterizedTest
    @MethodSource("refusals")
    void aStateThatIsNotUnderstoodIsRefusedInOneLine(final Step step, final String why,
                                                     final UnaryOperator<List<Part>> edit) throws Exception {
        try (Switch running = start(); TalkingGuests guests = guests("split")) {
            guests.exchange(10);
            final long descriptors = OpenDescriptors.count();
            assertEquals(why, assertThrows(HandOverException.class, () -> LocalUpgrade.run(dir, running, config(),
                message -> message.kind() == step.number() ? SectionEditor.edit(message, edit) : message))
                .getMessage());
            guests.exchange(300);
            assertEquals(List.of(310L, 310L), received(running), "the old process serves as before");
            assertEquals(descriptors, OpenDescriptors.count());
        }
    }

    /** Returns a record of the format without sections, as far as another format reads it, and 8 bytes of content. */
    private static byte[] oldRecord() {
        return ByteBuffer.allocate(HandOverMessage.HEADER + Long.BYTES).order(ByteOrder.LITTLE_ENDIAN)
            .put("RINGBRUP".getBytes(StandardCharsets.US_ASCII)).putInt(OLD_FORMAT).putInt(Long.BYTES).putInt(0)
            .putInt(0x1234_5678).putLong(4711).array();
    }

    @Test
    void aNewProcessOfTheFormatWithoutSectionsIsRefused() throws Exception {
        final Path path = dir.resolve("h");
        try (Switch running = start(); TalkingGuests guests = guests("split");
             Listener listener = Listener.open(path, 0600); Connection from = Connection.connect(path);
             StateSocket to = new StateSocket(listener.accept())) {
            guests.exchange(10);
            from.send(0, Header.VERSION, oldRecord());
            assertEquals(FORMATS,
                assertThrows(HandOverException.class, () -> running.handOver(to)).getMessage());
            guests.exchange(300);
            assertEquals(List.of(310L, 310L), received(running));
        }
    }

    /** The old process compares the formats when it reads READY, whose number it knows, and says so to the operator. */
    @Test
    void anOldProcessOfTheFormatWithoutSectionsIsNotTakenOver() throws Exception {
        final Path path = dir.resolve("h");
        final long descriptors = OpenDescriptors.count();
        try (Listener listener = Listener.open(path, 0600);
             StateSocket from = new StateSocket(Connection.connect(path)); Connection to = listener.accept()) {
            final CompletableFuture<Switch> taking =
                CompletableFuture.supplyAsync(() -> TakeOver.run(config(), from, null));
            try (Packet ready = to.receive(() -> { })) {
                assertEquals(0, ready.header().request());
                final ByteBuffer record = ByteBuffer.wrap(ready.payload()).order(ByteOrder.LITTLE_ENDIAN);
                assertEquals("RINGBRUP", new String(ready.payload(), 0, 8, StandardCharsets.US_ASCII));
                assertEquals(StateSocket.VERSION, record.getInt(8));
            }
            to.send(1, Header.VERSION, oldRecord());
            assertEquals(FORMATS,
                assertThrows(CompletionException.class, taking::join).getCause().getMessage());
            try (Packet reason = to.receive(() -> { })) {
                assertEquals(9, reason.header().request());
                assertTrue(new String(reason.payload(), StandardCharsets.UTF_8).endsWith(FORMATS));
            }
        }
        assertEquals(descriptors, OpenDescriptors.count());
    }
}
