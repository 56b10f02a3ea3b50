package io.ringbridge.control.handover;

import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class StateSocketTest {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final byte[] MAGIC = "RINGBRUP".getBytes(java.nio.charset.StandardCharsets.US_ASCII);

    @TempDir
    Path directory;
    private Connection sender;
    private StateSocket from;
    private StateSocket to;

    @BeforeEach
    void connect() throws IOException {
        final Path path = directory.resolve("s");
        try (Listener listener = Listener.open(path, 0600)) {
            sender = Connection.connect(path);
            from = new StateSocket(sender);
            to = new StateSocket(listener.accept());
        }
    }

    @AfterEach
    void close() {
        from.close();
        to.close();
    }

    @Test
    void aRecordOfManyMessagesIsReadAsItWasWritten() throws Exception {
        final long before = OpenDescriptors.count();
        final StateWriter out = new StateWriter().flag(true).number(-1).wide(Long.MIN_VALUE).text("\u00e9")
            .event(StateWriter.NONE);
        final byte[] much = new byte[200_000];
        much[much.length - 1] = 7;
        out.bytes(much);
        try (EventFd event = EventFd.create()) {
            for (int i = 0; i < 700; i++) {
                out.event(event.fd());
            }
            final CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> from.send(Step.PORT, out));
            try (StateRecord received = to.receive(Step.PORT, LIMIT)) {
                final StateReader in = received.content();
                assertTrue(in.flag());
                assertEquals(-1, in.number());
                assertEquals(Long.MIN_VALUE, in.wide());
                assertEquals("\u00e9", in.text());
                assertEquals(null, in.event(EventFd::adopt));
                assertEquals(7, in.bytes()[much.length - 1]);
                for (int i = 0; i < 700; i++) {
                    try (EventFd same = in.event(EventFd::adopt)) {
                        same.signal();
                    }
                }
                assertFalse(in.hasMore());
                assertThrows(HandOverException.class, in::flag);
                assertThrows(HandOverException.class, in::descriptor);
            }
            sending.join();
            assertTrue(event.drain());
            assertFalse(event.drain());
        }
        assertEquals(before, OpenDescriptors.count());
    }

    @Test
    void unclaimedDescriptorsAreClosed() throws Exception {
        final long before = OpenDescriptors.count();
        try (EventFd event = EventFd.create()) {
            final StateWriter out = new StateWriter().event(event.fd()).event(event.fd()).event(event.fd());
            from.send(Step.PORT, out);
            to.receive(Step.PORT, LIMIT).close();
            from.send(Step.PORT, out);
            assertThrows(HandOverException.class, () -> to.receive(Step.GO, LIMIT));
            from.send(Step.PORT, out);
            try (StateRecord in = to.receive(Step.PORT, LIMIT)) {
                assertTrue(in.content().flag());
                Fd.close(in.content().descriptor());
            }
        }
        assertEquals(before, OpenDescriptors.count());
    }

    @Test
    void aRefusalIsReportedWhateverStepIsAwaited() {
        to.refuse("not today");
        assertEquals("not today",
            assertThrows(HandOverException.class, () -> from.receive(Step.TAKEN, LIMIT)).getMessage());
    }

    @Test
    void silenceAndTheEndOfTheOtherProcessAreReported() {
        assertEquals("the other process has not sent ready within 0 s",
            assertThrows(HandOverException.class, () -> to.receive(Step.READY, Duration.ZERO)).getMessage());
        from.close();
        assertEquals("the other process has ended",
            assertThrows(HandOverException.class, () -> to.await(Step.READY)).getMessage());
    }

    private static ByteBuffer head(final int version, final int length, final int descriptors, final int checksum) {
        return ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN).put(MAGIC).putInt(version).putInt(length)
            .putInt(descriptors)
            .putInt(checksum);
    }

    private void refused(final byte[] payload, final String why, final int... fds) throws IOException {
        sender.send(Step.PORT.number(), Header.VERSION, payload, fds);
        final HandOverException e = assertThrows(HandOverException.class, () -> to.receive(Step.PORT, LIMIT));
        assertTrue(e.getMessage().contains(why), e.getMessage());
    }

    @Test
    void foreignAndDamagedRecordsAreRefused() throws Exception {
        final long before = OpenDescriptors.count();
        try (EventFd event = EventFd.create()) {
            refused(new byte[0], "does not start with");
            refused(new byte[24], "does not start with", event.fd());
            refused(head(4, 0, 0, 0).array(), "the other process uses format 4 of the hand-over, and this one format "
                + StateSocket.VERSION + "; stop the switch");
            refused(head(StateSocket.VERSION, -1, 0, 0).array(), "4294967295 bytes");
            refused(head(StateSocket.VERSION, 33 << 20, 0, 0).array(), "are allowed");
            refused(head(StateSocket.VERSION, 0, 5000, 0).array(), "5000 descriptors");
            refused(head(StateSocket.VERSION, 0, 0, 1).array(), "checksum");
            refused(head(StateSocket.VERSION, 0, 0, 0).array(), "expected at most 0 and 0", event.fd());
            refused(head(StateSocket.VERSION, 4, 1, 0).array(), "0 bytes and 0 descriptors; expected at most 4 and 1");
            final int kinds = 1 + Arrays.stream(Step.values()).mapToInt(Step::number).max().orElseThrow();
            sender.send(kinds, Header.VERSION, head(StateSocket.VERSION, 0, 0, 0).array());
            assertTrue(assertThrows(HandOverException.class, () -> to.await(Step.PORT)).getMessage()
                .contains("of unknown kind " + kinds));
        }
        assertEquals(before, OpenDescriptors.count());
    }
}
