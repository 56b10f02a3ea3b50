package io.ringbridge.api;

import io.ringbridge.control.transport.SocketAccess;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Tests that a slow client delays no other client, and that the API replaces only a stale socket at its path.
 */
@Timeout(60)
class ApiRobustnessTest {
    private static final Duration SHORT = Duration.ofMillis(200);
    private static final Duration LONG = Duration.ofMinutes(5);

    @TempDir
    private Path dir;

    private static ApiServer start(final Path socket, final FakeSwitch control, final Duration idle) {
        return ApiServer.start(socket, SocketAccess.DEFAULT, ApiResources.of(control), idle);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "POST /v1/ports HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
        "POST /v1/upgrade HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf",
        "POST /v1/fdb HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmac=",
        "POST /v1/ports HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n",
        "GET /v1/ports HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
        "GET /v1/ports HTTP/1.1\r\nHost: ",
        "G",
        ""})
    void unfinishedRequestsDelayNoOtherClient(final String start) throws IOException {
        final Path socket = dir.resolve("api.sock");
        final List<RawClient> stuck = new ArrayList<>();
        try (ApiServer _ = start(socket, new FakeSwitch(), LONG); ApiClient client = new ApiClient(socket)) {
            for (int i = 0; i < 200; i++) {
                stuck.add(RawClient.connect(socket).send(start));
            }
            assertTrue(client.get("/v1/workers").startsWith("[{"));
            client.change("POST", "/v1/ports", "name=b,socket=/tmp/b");
        } finally {
            close(stuck);
        }
    }

    @Test
    void aThousandIdleConnectionsLeaveRoomForOthers() throws IOException {
        final Path socket = dir.resolve("api.sock");
        final List<RawClient> idle = new ArrayList<>();
        try (ApiServer _ = start(socket, new FakeSwitch(), LONG); ApiClient client = new ApiClient(socket)) {
            for (int i = 0; i < 1000; i++) {
                idle.add(RawClient.connect(socket));
            }
            assertTrue(client.get("/v1/workers").startsWith("[{"));
            awaitEnds(idle, 1000 - 64);
            assertTrue(client.get("/v1/workers").startsWith("[{"));
        } finally {
            close(idle);
        }
    }

    /** Waits until the server has closed that many connections. */
    private static void awaitEnds(final List<RawClient> clients, final int count) throws IOException {
        try (Selector selector = Selector.open()) {
            for (final RawClient client : clients) {
                client.channel().configureBlocking(false).register(selector, SelectionKey.OP_READ);
            }
            int ended = 0;
            while (ended < count) {
                selector.select();
                for (final SelectionKey key : selector.selectedKeys()) {
                    assertEquals(-1, ((SocketChannel) key.channel()).read(ByteBuffer.allocate(1)));
                    key.cancel();
                    ended++;
                }
                selector.selectedKeys().clear();
            }
        }
    }

    @Test
    void unreadAnswersDelayNoOtherClient() throws IOException {
        final Path socket = dir.resolve("api.sock");
        final FakeSwitch fake = new FakeSwitch();
        fake.stations = IntStream.range(0, 30_000).mapToObj(i -> new StationView("52:54:00:00:00:01", i, "some-port",
            false, 299))
            .toList();
        final List<RawClient> stuck = new ArrayList<>();
        try (ApiServer _ = start(socket, fake, LONG); ApiClient client = new ApiClient(socket)) {
            for (int i = 0; i < 24; i++) {
                stuck.add(RawClient.connect(socket).send("GET /v1/fdb HTTP/1.1\r\nHost: x\r\n\r\n"));
            }
            assertTrue(client.get("/v1/fdb").endsWith("]"));
        } finally {
            close(stuck);
        }
    }

    @Test
    void anUnfinishedRequestTimesOut() throws IOException {
        final Path socket = dir.resolve("api.sock");
        try (ApiServer _ = start(socket, new FakeSwitch(), SHORT)) {
            try (RawClient body = RawClient.connect(socket)
                .send("POST /v1/ports HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nna")) {
                final String answer = body.answer();
                assertTrue(answer.startsWith("HTTP/1.1 408 ") && answer.contains("the body did not arrive in time"),
                    answer);
            }
            try (RawClient header = RawClient.connect(socket).send("GET /v1/ports HTTP/1.1\r\nHo")) {
                header.answer();
            }
        }
    }

    @Test
    void anUnreadAnswerTimesOut() throws IOException {
        final Path socket = dir.resolve("api.sock");
        final FakeSwitch fake = new FakeSwitch();
        fake.stations = IntStream.range(0, 60_000)
            .mapToObj(i -> new StationView("52:54:00:00:00:01", i, "some-port", false, 299)).toList();
        try (ApiServer _ = start(socket, fake, SHORT);
             RawClient stuck = RawClient.connect(socket).send("GET /v1/fdb HTTP/1.1\r\nHost: x\r\n\r\n")) {
            for (int i = 0; i < 5; i++) { // together longer than the server's time limit
                try (RawClient idle = RawClient.connect(socket)) {
                    assertEquals("", idle.answer());
                }
            }
            assertTrue(isCutOff(stuck), "the whole answer has arrived");
        }
    }

    private static boolean isCutOff(final RawClient client) throws IOException {
        try {
            return !client.answer().endsWith("]\n");
        } catch (SocketException _) {
            return true; // the server has closed its end
        }
    }

    @Test
    void longOperationsAreNotCutOff() throws IOException {
        final Path socket = dir.resolve("api.sock");
        final FakeSwitch slow = new FakeSwitch() {
            @Override
            UpgradeView upgrade(final String program, final Duration limit) {
                // takes as long as three idle clients, one after the other, until the server closes each
                for (int i = 0; i < 3; i++) {
                    try (RawClient idle = RawClient.connect(socket)) {
                        assertEquals("", idle.answer());
                    } catch (final IOException e) {
                        throw new AssertionError(e);
                    }
                }
                return new UpgradeView(1, 2, null);
            }
        };
        try (ApiServer _ = start(socket, slow, SHORT); ApiClient client = new ApiClient(socket)) {
            assertEquals(new UpgradeView(1, 2, null), client.upgrade(null, LONG));
        }
    }

    private static void close(final List<RawClient> clients) throws IOException {
        for (final RawClient client : clients) {
            client.close();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"fifo", "file", "directory", "link to a file", "link to a device", "link to nothing",
        "link to a socket"})
    void onlyASocketIsReplaced(final String kind) throws Exception {
        final Path place = dir.resolve("api.sock");
        final Path target = dir.resolve("target");
        switch (kind) {
            case "fifo" -> assertEquals(0, new ProcessBuilder("mkfifo", place.toString()).start().waitFor());
            case "file" -> Files.writeString(place, "precious");
            case "directory" -> Files.createDirectory(place);
            case "link to a file" -> Files.createSymbolicLink(place, Files.writeString(target, "precious"));
            case "link to a device" -> Files.createSymbolicLink(place, Path.of("/dev/null"));
            case "link to nothing" -> Files.createSymbolicLink(place, target);
            default -> {
                try (ServerSocketChannel gone = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
                    gone.bind(UnixDomainSocketAddress.of(target));
                }
                Files.createSymbolicLink(place, target);
            }
        }
        final Object inode = inode(place);
        final String why = "the file at this path is not a socket, and is not replaced";
        final ApiException refused = assertThrows(ApiException.class, () -> ApiServer.start(place, new FakeSwitch()));
        assertEquals("api socket " + place + ": " + why, refused.getMessage());
        try (ApiServer beside = ApiServer.start(dir.resolve("beside.sock"), new FakeSwitch())) {
            final ApiException unmoved = assertThrows(ApiException.class, () -> beside.moveTo(place));
            assertEquals("api socket " + dir.resolve("beside.sock") + " cannot be moved to " + place + ": " + why,
                unmoved.getMessage());
        }
        assertEquals(inode, inode(place));
        assertEquals("the file is not a socket", assertThrows(IOException.class, () -> ApiSocket.connect(
            kind.startsWith("link to a s") || kind.startsWith("link to n") ? Path.of("/dev/null") : place))
            .getMessage());
    }

    private static Object inode(final Path path) throws IOException {
        return Files.getAttribute(path, "unix:ino", LinkOption.NOFOLLOW_LINKS);
    }

    @Test
    void filesOfOthersSurviveTheEndOfAServer() throws IOException {
        final Path socket = dir.resolve("api.sock");
        final Path bystander = Files.writeString(dir.resolve(".api-gone"), "precious");
        final ApiServer server = ApiServer.start(socket, new FakeSwitch());
        Files.delete(socket);
        Files.writeString(socket, "somebody else's");
        server.close();
        assertEquals("somebody else's", Files.readString(socket));
        assertEquals("precious", Files.readString(bystander));
    }

    @Test
    void aSocketWithAFullBacklogIsInUse() throws IOException {
        final Path socket = dir.resolve("api.sock");
        final List<SocketChannel> waiting = new ArrayList<>();
        try (ServerSocketChannel busy = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            busy.bind(UnixDomainSocketAddress.of(socket), 1);
            for (int i = 0; i < 2; i++) {
                waiting.add(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
            }
            final ApiException server = assertThrows(ApiException.class,
                () -> ApiServer.start(socket, new FakeSwitch()));
            assertEquals("api socket " + socket + ": in use: a process listens there", server.getMessage());
            try (ApiClient client = new ApiClient(socket)) {
                final ApiException e = assertThrows(ApiException.class, () -> client.get("/v1/ports"));
                assertEquals("no switch answers at " + socket
                    + ": the socket is in use, but its listener does not accept connections", e.getMessage());
            }
            assertTrue(Files.exists(socket));
        } finally {
            for (final SocketChannel each : waiting) {
                each.close();
            }
        }
    }

    @Test
    void theSocketHasTheConfiguredAccess() throws IOException {
        final Path socket = dir.resolve("api.sock");
        final String group = Files.getAttribute(dir, "posix:group").toString();
        try (ApiServer _ = ApiServer.start(socket, new SocketAccess(0620, null, group), new FakeSwitch())) {
            assertEquals(0620, (Integer) Files.getAttribute(socket, "unix:mode") & 0777);
            assertEquals(group, Files.getAttribute(socket, "posix:group").toString());
        }
        final ApiException e = assertThrows(ApiException.class,
            () -> ApiServer.start(socket, new SocketAccess(0660, "no-such-user", null), new FakeSwitch()));
        assertEquals("api socket " + socket + ": owner: \"no-such-user\" is not a user of this host", e.getMessage());
        assertTrue(Files.notExists(socket));
    }

    @Test
    void directoriesBelowRunAreCreatedAndOthersAreNot() throws IOException {
        final Path run = Files.createDirectory(dir.resolve("run"));
        final Path link = Files.createSymbolicLink(dir.resolve("var-run"), run);
        assertTrue(RuntimeDirectory.isBelow(run.resolve("a/b"), List.of(run)));
        assertTrue(RuntimeDirectory.isBelow(link.resolve("a"), List.of(dir.resolve("none"), run)));
        assertTrue(!RuntimeDirectory.isBelow(dir.resolve("runaway/a"), List.of(run)));
        assertTrue(!RuntimeDirectory.isBelow(dir.resolve("other"), List.of(run)));
        RuntimeDirectory.create(run.resolve("a/b"));
        assertEquals("rwxr-x---", java.nio.file.attribute.PosixFilePermissions.toString(
            Files.getPosixFilePermissions(run.resolve("a"))));
        final Path file = Files.writeString(dir.resolve("file"), "");
        assertThrows(IOException.class, () -> RuntimeDirectory.create(file.resolve("a")));
    }
}
