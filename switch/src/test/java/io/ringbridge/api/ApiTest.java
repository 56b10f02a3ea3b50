package io.ringbridge.api;

import com.fasterxml.jackson.core.type.TypeReference;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ApiTest extends ApiFixture {
    private static final Duration LIMIT = Duration.ofSeconds(7);

    @Test
    void clientAndServerAgree() {
        assertEquals("[{\"name\":\"a\",\"type\":\"vhost-user\",\"socket\":\"/tmp/a.sock\",\"mode\":\"server\","
            + "\"state\":\"running\",\"queues\":1,\"mtu\":1500,\"vlan\":10,\"trunk\":[\"20\",\"30-39\"],"
            + "\"features\":[\"version_1\"],\"in_frames\":1,\"in_bytes\":64,\"out_frames\":2,\"out_bytes\":128,"
            + "\"drops\":{\"no-buffer\":3},"
            + "\"rates\":{\"in_frames\":5.0,\"in_bytes\":320.0,\"out_frames\":0.0,\"out_bytes\":0.0,"
            + "\"drops\":0.0}}]",
            client.get("/v1/ports"));
        assertEquals(fake.ports().views(),
            Json.readList(client.get("/v1/ports"), new TypeReference<List<PortView>>() { }));
        assertEquals("[{\"mac\":\"52:54:00:00:00:01\",\"vlan\":0,\"port\":\"a\",\"static\":true,"
            + "\"age_seconds\":0}]", client.get("/v1/fdb"));
        assertEquals(fake.stations,
            Json.readList(client.get("/v1/fdb"), new TypeReference<List<StationView>>() { }));
        assertEquals(fake.captures().views(),
            Json.readList(client.get("/v1/captures"), new TypeReference<List<CaptureView>>() { }));
        assertEquals(fake.workers().views(),
            Json.readList(client.get("/v1/workers"), new TypeReference<List<WorkerView>>() { }));
        assertEquals(fake.config().view(), Json.read(client.get("/v1/config"), ConfigView.class));
        assertEquals("", client.change("POST", "/v1/ports", "name=b,socket=/tmp/b"));
        assertEquals("", client.change("POST", "/v1/ports/b/suspend", null));
        assertEquals("", client.change("POST", "/v1/ports/b/resume", null));
        assertEquals("", client.change("POST", "/v1/ports/b/reset-counters", null));
        assertEquals("", client.change("DELETE", "/v1/ports/b", null));
        assertEquals("", client.change("POST", "/v1/fdb", "mac=52:54:00:00:00:01,port=b"));
        assertEquals("", client.change("DELETE", "/v1/fdb/52:54:00:00:00:01?vlan=10", null));
        assertEquals("3 stations removed", client.change("DELETE", "/v1/fdb", null));
        assertEquals("3 stations removed",
            client.change("DELETE", "/v1/fdb?static=true&port=" + ApiClient.encoded("b+ c"), null));
        assertEquals(List.of("add name=b,socket=/tmp/b", "suspend b", "resume b", "reset-counters b",
            "remove b",
            "add mac=52:54:00:00:00:01,port=b",
            "remove mac=52:54:00:00:00:01,vlan=10", "flush null false", "flush b+ c true"), fake.done);
        server.close();
        assertFalse(Files.exists(socket));
    }

    @Test
    void theSwitchEndsOnlyAfterTheAnswerToAnUpgradeIsWritten() throws Exception {
        assertRefused(500, "not upgraded", () -> client.upgrade("/none", LIMIT));
        assertEquals(List.of(), fake.done);
        assertEquals(new UpgradeView(17, 3, 1.5), client.upgrade(null, LIMIT));
        synchronized (fake) {
            while (fake.done.size() < 2) {
                fake.wait();
            }
        }
        assertEquals(List.of("upgrade null PT7S", "upgraded"), fake.done);
        assertRefused(500, "taken over, and failed", () -> client.upgrade("/failing", LIMIT));
        synchronized (fake) {
            while (fake.done.size() < 3) {
                fake.wait();
            }
        }
        assertEquals(List.of("upgrade null PT7S", "upgraded", "upgraded"), fake.done);
    }

    @Test
    void aServerReplacesTheSocketOfAnotherWhichThenLeavesItAlone() {
        final Path beside = dir.resolve("beside.sock");
        final FakeSwitch other = new FakeSwitch();
        other.stations = List.of();
        try (ApiServer after = ApiServer.start(beside, other)) {
            after.moveTo(socket);
            assertEquals(socket, after.socket());
            assertFalse(Files.exists(beside));
            server.close();
            assertEquals("[]", client.get("/v1/fdb"));
        }
        assertFalse(Files.exists(socket));
    }

    @Test
    void refusalsReachTheClientUnchanged() {
        assertRefused(404, "no port is named \"none\"", () -> client.change("DELETE", "/v1/ports/none", null));
        assertRefused(400, "port add: nothing", () -> client.change("POST", "/v1/ports", ""));
        assertRefused(404, "/nothing is not a path of this API; there are: /health, /metrics, /ready, "
            + "/v1/captures, /v1/config, /v1/events, /v1/fdb, /v1/interruptions, /v1/latency, /v1/log-levels, "
            + "/v1/mirrors, /v1/openapi.yaml, /v1/ports, /v1/queues, /v1/upgrade, /v1/version, /v1/workers",
            () -> client.get("/nothing"));
        assertRefused(405, "GET is not allowed for /v1/ports/a/suspend; allowed: POST",
            () -> client.get("/v1/ports/a/suspend"));
        assertRefused(500, "the switch failed to execute the request: java.lang.IllegalStateException: broken",
            () -> client.get("/v1/queues"));
        assertRefused(413, "the body is longer than 1048576 bytes",
            () -> client.change("POST", "/v1/ports", "x".repeat(1_100_000)));
    }

    private static void assertRefused(final int status, final String message, final Runnable request) {
        final ApiException e = assertThrows(ApiException.class, request::run);
        assertEquals(message, e.getMessage());
        assertEquals(status, e.status());
    }

    @Test
    void aFullForwardingTableFitsIntoAnAnswer() {
        fake.stations = IntStream.range(0, 65536)
            .mapToObj(i -> new StationView("52:54:00:00:00:01", i, "some-port", false, 299)).toList();
        assertEquals(fake.stations,
            Json.readList(client.get("/v1/fdb"), new TypeReference<List<StationView>>() { }));
    }

    @Test
    void garbageIsAnsweredAndTheNextRequestIsServed() throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            channel.write(ByteBuffer.wrap("\0\1\2 nonsense\r\n\r\n".getBytes(StandardCharsets.US_ASCII)));
            final String answer = new String(Channels.newInputStream(channel).readAllBytes(),
                StandardCharsets.UTF_8);
            assertTrue(answer.startsWith("HTTP/1.1 400"), answer);
        }
        assertTrue(client.get("/v1/ports").startsWith("[{"));
    }

    @Test
    void onlyAStaleSocketIsReplaced() throws IOException {
        final Path stale = dir.resolve("stale.sock");
        try (ServerSocketChannel gone = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            gone.bind(UnixDomainSocketAddress.of(stale));
        }
        assertTrue(Files.exists(stale));
        try (ApiServer _ = ApiServer.start(stale, new FakeSwitch()); ApiClient late = new ApiClient(stale)) {
            final ApiException e = assertThrows(ApiException.class, () -> ApiServer.start(stale, new FakeSwitch()));
            assertEquals("api socket " + stale + ": in use: a process listens there", e.getMessage());
            assertTrue(late.get("/v1/ports").startsWith("[{"));
        }
    }

    @Test
    void otherFilesAreNotReplaced() throws IOException {
        final Path file = Files.writeString(dir.resolve("file"), "precious");
        assertThrows(ApiException.class, () -> ApiServer.start(file, new FakeSwitch()));
        assertEquals("precious", Files.readString(file));
        final ApiException e = assertThrows(ApiException.class,
            () -> ApiServer.start(dir.resolve("no/api.sock"), new FakeSwitch()));
        assertEquals("api socket " + dir.resolve("no/api.sock") + ": directory " + dir.resolve("no")
            + " does not exist", e.getMessage());
    }

    @Test
    void aMissingSwitchIsReportedWithItsPath() {
        final Path none = dir.resolve("none.sock");
        try (ApiClient lost = new ApiClient(none)) {
            assertRefused(502, "no switch answers at " + none + ": no such socket; \"ringbridge run --api " + none
                + "\" starts one there", () -> lost.get("/v1/ports"));
        }
    }

    @Test
    void theFirstWritableDirectoryIsUsed() throws IOException {
        assertEquals(List.of(Path.of("/run/ringbridge/api.sock"), Path.of("/run/user/7/ringbridge/api.sock")),
            ApiSocket.places(Map.of("XDG_RUNTIME_DIR", "/run/user/7")));
        assertEquals(List.of(Path.of("/run/ringbridge/api.sock")), ApiSocket.places(Map.of()));
        final Path good = dir.resolve("ringbridge/api.sock");
        assertEquals(good, ApiSocket.writable(List.of(dir.resolve("no/ringbridge/api.sock"), good)).orElseThrow());
        assertTrue(Files.isDirectory(good.getParent()));
        assertTrue(ApiSocket.writable(List.of(Path.of("/proc/ringbridge/api.sock"))).isEmpty());
    }
}
