package io.ringbridge.cli;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.app.Switch;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.Frames;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.Pcaps;
import org.slf4j.LoggerFactory;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests {@code ringbridge trace} against a running switch with guests and with a front-end that makes mistakes. */
@Timeout(60)
class TraceTest {
    private static final int HEADER = 64;

    @TempDir
    private Path dir;
    private Switch running;

    private void start(final String more) {
        running = Switch.start(ConfigReader.parse("test.yaml", """
            state: none
            %s
            ports:
              - {name: vm1, socket: %s/vm1.sock}
              - {name: vm2, socket: %s/vm2.sock, mtu: 1000}
            """.formatted(more, dir, dir)));
        running.openPorts();
        running.openApi(dir.resolve("api.sock"));
    }

    @AfterEach
    void end() {
        running.close();
    }

    private Run trace(final String... args) {
        final String[] all = Arrays.copyOf(args, args.length + 3);
        System.arraycopy(args, 0, all, 1, args.length);
        all[0] = "trace";
        all[args.length + 1] = "--api";
        all[args.length + 2] = dir.resolve("api.sock").toString();
        return Run.of(all);
    }

    private JsonNode json(final String... args) {
        final String[] all = Arrays.copyOf(args, args.length + 1);
        all[args.length] = "--json";
        final Run run = trace(all);
        assertEquals("", run.err());
        try {
            return new ObjectMapper().readTree(run.out());
        } catch (final JsonProcessingException e) {
            throw new AssertionError(run.out(), e);
        }
    }

    private Guest guest(final String name) throws Exception {
        return Guest.attach(dir.resolve(name + ".sock"), Frontend.DEFAULT_FEATURES, new QueueShape(64, 2048));
    }

    /** Exchanges frames between two guests, the last of which is too long for its receiver. */
    private void exchange(final byte[] flood, final byte[] unicast, final byte[] tooLong) throws Exception {
        try (Guest a = guest("vm1"); Guest b = guest("vm2")) {
            Frames.send(b.queues(), flood);
            assertArrayEquals(flood, Frames.next(a.queues()));
            Frames.send(a.queues(), unicast);
            assertArrayEquals(unicast, Frames.next(b.queues()));
            Frames.send(a.queues(), tooLong);
            Await.until(() -> running.ports().views().getLast().drops().containsKey("mtu-exceeded"));
        }
    }

    @Test
    void theDialogueIsPrintedInWordsAlsoAfterItsEnd() throws Exception {
        start("");
        guest("vm1").close();
        Await.until(() -> trace("vm1").out().contains("detached"));
        final Run run = trace("vm1");
        assertEquals(0, run.status());
        final List<String> lines = run.out().lines().toList();
        assertTrue(lines.getFirst().startsWith("TIME"), lines.getFirst());
        assertTrue(lines.stream().anyMatch(line -> line.matches(
            "\\d\\d:\\d\\d:\\d\\d\\.\\d{6}  request          SET_FEATURES +8 +0 +\\d+  ok")), run.out());
        assertTrue(run.out().contains("mrg_rxbuf"), run.out());
        assertTrue(lines.stream().allMatch(line -> line.length() <= 100), run.out());
        final JsonNode first = json("vm1").get(0);
        assertEquals("session", first.get("kind").asText());
        assertEquals("attached", first.get("name").asText());
        assertTrue(Duration.between(Instant.parse(first.get("time").asText()), Instant.now()).toMinutes() < 5);
    }

    @Test
    void aRefusedSessionIsPrintedAndLoggedWithTheReason() throws Exception {
        start("");
        final ListAppender<ILoggingEvent> log = new ListAppender<>();
        final Logger logger = listen(log);
        try (Connection peer = Connection.connect(dir.resolve("vm1.sock"))) {
            for (int i = 0; i < 20; i++) {
                peer.send(Request.SET_OWNER.id(), Header.VERSION, new byte[0]);
            }
            peer.send(Request.SET_VRING_NUM.id(), Header.VERSION, new byte[5]);
            assertNull(peer.receive(() -> { }));
        }
        Await.until(() -> trace("vm1").out().contains("detached"));
        final String why = "SET_VRING_NUM has a payload of 5 bytes; allowed: 8";
        assertTrue(trace("vm1").out().contains("    " + why + "\n"), trace("vm1").out());
        Await.until(() -> log.list.stream().filter(event -> event.getMessage().contains("before that")).count() == 10);
        logger.detachAppender(log);
        final List<String> lines = List.copyOf(log.list).stream().map(ILoggingEvent::getFormattedMessage).toList();
        assertTrue(lines.stream().anyMatch(line -> line.equals("port vm1: detached: " + why)), lines.toString());
        assertTrue(lines.stream().anyMatch(line -> line.startsWith("port vm1: before that, at ")
            && line.contains("request SET_VRING_NUM, 5 bytes, 0 descriptors: failed: " + why)), lines.toString());
    }

    private static Logger listen(final ListAppender<ILoggingEvent> log) {
        final Logger logger = (Logger) LoggerFactory.getLogger("io.ringbridge.control");
        log.start();
        logger.addAppender(log);
        return logger;
    }

    @Test
    void theLogHasNoMessagesOfEarlierSessions() throws Exception {
        start("");
        guest("vm1").close();
        Await.until(() -> trace("vm1").out().contains("detached"));
        final ListAppender<ILoggingEvent> log = new ListAppender<>();
        final Logger logger = listen(log);
        try (Connection peer = Connection.connect(dir.resolve("vm1.sock"))) {
            peer.send(Request.SET_OWNER.id(), Header.VERSION, new byte[0]);
            peer.send(Request.SET_VRING_NUM.id(), Header.VERSION, new byte[5]);
            assertNull(peer.receive(() -> { }));
        }
        Await.until(() -> trace("vm1").out().split("detached", -1).length == 3);
        logger.detachAppender(log);
        final List<String> lines = List.copyOf(log.list).stream().map(ILoggingEvent::getFormattedMessage)
            .filter(line -> line.contains("before that")).toList();
        assertEquals(2, lines.size(), lines.toString());
        assertTrue(lines.getFirst().contains("request SET_OWNER"), lines.toString());
        assertTrue(lines.getLast().contains("request SET_VRING_NUM"), lines.toString());
    }

    @Test
    void framesArePrintedWithVerdictsAndReasons() throws Exception {
        start("");
        final byte[] flood = Frames.broadcast(2, 60);
        final byte[] unicast = Frames.ethernet(2, 1, 500);
        final byte[] tooLong = Frames.ethernet(2, 1, 1100);
        exchange(flood, unicast, tooLong);
        final JsonNode sender = json("vm1", "--frames");
        assertEquals(3, sender.size());
        assertEquals("[\"out\",\"delivered\",60]", fields(sender.get(0)));
        assertEquals("[\"in\",\"forwarded\",500]", fields(sender.get(1)));
        assertEquals("vm2", sender.get(1).get("to").asText());
        assertEquals(HexFormat.of().formatHex(unicast, 0, HEADER), sender.get(1).get("header").asText());
        final JsonNode receiver = json("vm2", "--frames");
        assertEquals("[\"in\",\"flooded\",60]", fields(receiver.get(0)));
        assertEquals("[\"out\",\"dropped\",1100]", fields(receiver.get(2)));
        assertEquals("mtu-exceeded", receiver.get(2).get("reason").asText());
        final String text = trace("vm2", "--frames").out();
        assertTrue(text.lines().anyMatch(line -> line.matches("\\d\\d:\\d\\d:\\d\\d\\.\\d{6}  out  dropped mtu-exceeded"
            + " +1100 +0  52:54:00:00:00:01 > 52:54:00:00:00:02 0x88b5")), text);
        assertTrue(Duration.between(Instant.parse(sender.get(0).get("time").asText()), Instant.now()).toMinutes() < 5);
        running.ports().remove("vm2");
        assertEquals("a removed port", json("vm1", "--frames").get(1).get("to").asText());
    }

    private static String fields(final JsonNode frame) {
        return "[" + frame.get("direction") + "," + frame.get("verdict") + "," + frame.get("bytes") + "]";
    }

    @Test
    void framesAreWrittenAsPcapng() throws Exception {
        start("");
        final byte[] unicast = Frames.ethernet(2, 1, 500);
        exchange(Frames.broadcast(2, 60), unicast, Frames.ethernet(2, 1, 1100));
        final Path file = dir.resolve("vm2.pcapng");
        assertEquals("3 frames written to " + file + "\n", trace("vm2", "--write", file.toString()).out());
        try (PcapHandle handle = Pcaps.openOffline(file.toString(), PcapHandle.TimestampPrecision.NANO)) {
            assertEquals(60, handle.getNextRawPacketEx().length);
            final Instant time = Instant.parse(json("vm2", "--frames").get(0).get("time").asText());
            final long apart = Duration.between(time, handle.getTimestamp().toInstant()).abs().toSeconds();
            assertTrue(apart < 60, apart + " s");
            assertArrayEquals(Arrays.copyOf(unicast, HEADER), handle.getNextRawPacketEx());
            assertEquals(500, handle.getOriginalLength());
            assertEquals(HEADER, handle.getNextRawPacketEx().length);
        }
        final byte[] bytes = Files.readAllBytes(file);
        assertTrue(new String(bytes, StandardCharsets.ISO_8859_1).contains("dropped mtu-exceeded"));
        final ByteBuffer blocks = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int count = 0;
        for (int at = 0; at < bytes.length; at += blocks.getInt(at + 4)) {
            assertEquals(blocks.getInt(at + 4), blocks.getInt(at + blocks.getInt(at + 4) - 4), "lengths of a block");
            count++;
        }
        assertEquals(5, count);
    }

    @Test
    void mistakesAreOneLine() {
        start("recorder: {frames: 0}");
        assertEquals("ringbridge: frames are not recorded, because recorder.frames is 0\n",
            trace("vm1", "--frames").err());
        assertEquals(1, trace("vm1", "--frames").status());
        assertTrue(trace("vm3").err().startsWith("ringbridge: no port is named \"vm3\""), trace("vm3").err());
        assertEquals(2, trace("vm1", "--write", "x", "--json").status());
    }

    @Test
    void aFileThatCannotBeWrittenIsOneLine() {
        start("");
        assertEquals("ringbridge: /nonexistent/x: cannot be written: no such directory\n",
            trace("vm1", "--write", "/nonexistent/x").err());
    }
}
