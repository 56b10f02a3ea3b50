package io.ringbridge.cli;

import io.ringbridge.app.Switch;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.PcapngReader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Captures of a running switch through its API. */
@Timeout(60)
class CaptureCommandTest {
    private static final int MOST = 8;

    @TempDir
    private Path dir;

    private final List<AutoCloseable> open = new ArrayList<>();
    private Path api;
    private QueuePair a;
    private QueuePair b;

    @BeforeEach
    void start() throws IOException {
        api = dir.resolve("api.sock");
        final Path vm1 = dir.resolve("vm1.sock");
        final Path vm2 = dir.resolve("vm2.sock");
        final Switch running = Switch.start(ConfigReader.parse("test",
            "state: none\nports: [{name: vm1, socket: " + vm1 + "}, {name: vm2, socket: " + vm2 + "}]"));
        open.add(running);
        running.openPorts();
        running.openApi(api);
        a = attach(vm1);
        b = attach(vm2);
    }

    private QueuePair attach(final Path socket) throws IOException {
        final Guest guest = Guest.attach(socket, Features.of(Features.VERSION_1), new QueueShape(256, 2048));
        open.add(guest);
        return guest.queues();
    }

    @AfterEach
    void close() throws Exception {
        for (final AutoCloseable each : open.reversed()) {
            each.close();
        }
    }

    private Run run(final String... args) {
        final List<String> all = new ArrayList<>(List.of(args));
        all.addAll(List.of("--api", api.toString()));
        return Run.of(all.toArray(String[]::new));
    }

    private FutureTask<Run> start(final String... args) {
        final FutureTask<Run> task = new FutureTask<>(() -> run(args));
        Thread.ofPlatform().daemon().start(task);
        return task;
    }

    private void awaitCaptures(final int count) {
        Await.until(() -> run("show", "captures").out().lines().count() == count + 1);
    }

    private PcapngReader read(final String file) throws IOException {
        return new PcapngReader(Files.readAllBytes(dir.resolve(file)));
    }

    @Test
    void aCaptureContainsTheFramesOfItsPort() throws Exception {
        final FutureTask<Run> all = start("capture", "vm1", "--count", "3", "--write", dir.resolve("all").toString());
        final FutureTask<Run> some = start("capture", "vm2", "--direction", "in",
            "--filter", "ether dst 52:54:00:00:00:01", "--snaplen", "20", "--count", "1",
            "--write", dir.resolve("some").toString());
        awaitCaptures(2);
        assertTrue(run("show", "captures").out().contains("ether dst 52:54:00:00:00:01"));
        Frames.send(a, Frames.broadcast(1, 60));
        Frames.next(b);
        Frames.send(b, Frames.ethernet(1, 2, 61));
        Frames.next(a);
        Frames.send(a, Frames.ethernet(1, 1, 62));
        assertEquals(new Run(0, "", "3 frames captured, 0 lost\n"), all.get());
        assertEquals(new Run(0, "", "1 frame captured, 0 lost\n"), some.get());
        assertEquals("[in 60: flooded, out 61: delivered, in 62: dropped: same-port]",
            read("all").packets.toString());
        final PcapngReader filtered = read("some");
        assertEquals("[in 61: to vm1]", filtered.packets.toString());
        assertEquals(20, filtered.packets.getFirst().bytes.length);
        assertEquals("vm2", filtered.port);
        awaitCaptures(0);
    }

    @Test
    void aCaptureEndsWithItsPort() throws Exception {
        final FutureTask<Run> capture = start("capture", "vm1", "--write", dir.resolve("capture").toString());
        awaitCaptures(1);
        assertEquals(0, run("port", "remove", "vm1").status());
        assertEquals(new Run(0, "", "0 frames captured, 0 lost\n"), capture.get());
        assertEquals("vm1", read("capture").port);
    }

    /** A client that is killed leaves nothing behind, and a switch has a limited number of captures. */
    @Test
    void aCaptureEndsWithItsClient() throws Exception {
        final List<SocketChannel> clients = new ArrayList<>();
        for (int i = 0; i < MOST; i++) {
            clients.add(SocketChannel.open(UnixDomainSocketAddress.of(api)));
            final String body = "{\"port\": \"vm1\"}";
            clients.getLast().write(ByteBuffer.wrap(("POST /v1/captures HTTP/1.1\r\nHost: x\r\nContent-Length: "
                + body.length() + "\r\n\r\n" + body).getBytes(StandardCharsets.US_ASCII)));
        }
        awaitCaptures(MOST);
        final Run tooMany = run("capture", "vm2", "--write", dir.resolve("none").toString());
        assertEquals(new Run(1, "", "ringbridge: there are already 8 captures, the maximum\n"), tooMany);
        for (final SocketChannel client : clients) {
            client.close();
        }
        awaitCaptures(0);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "capture none|no port is named \"none\"; there are: vm1, vm2",
        "capture vm1 --direction up|capture: direction: \"up\" is not in or out or both",
        "capture vm1 --snaplen 0|capture: snaplen: 0 is out of range; 1 to 65553 is allowed",
        "capture vm1 --count 1x|capture: count: \"1x\" is not a whole number from 1 to 2147483647",
        "capture vm1 --filter prt|capture: filter: \"prt\": can't parse filter expression: syntax error"})
    void aMistakeIsRefusedInOneLine(final String command, final String why) {
        final Path file = dir.resolve("none");
        final Run run = run((command + " --write " + file).split(" ", -1));
        assertEquals("ringbridge: " + why + "\n", run.err());
        assertEquals("", run.out());
        assertTrue(run.status() > 0);
        assertTrue(Files.notExists(file), "nothing is written");
        assertEquals(1, run("show", "captures").out().lines().count());
    }

    @Test
    void aFileThatCannotBeWrittenIsNamed() {
        final Path file = dir.resolve("missing").resolve("file");
        assertEquals(new Run(1, "", "ringbridge: " + file + ": no such directory\n"),
            run("capture", "vm1", "--write", file.toString()));
        awaitCaptures(0);
    }
}
