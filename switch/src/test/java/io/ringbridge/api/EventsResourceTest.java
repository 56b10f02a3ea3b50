package io.ringbridge.api;

import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the stream of events over a real socket. */
@Timeout(60)
class EventsResourceTest extends ApiFixture {
    private static final String SECOND =
        "id: 2\nevent: running\ndata: {\"id\":2,\"time\":\"2026-11-30T12:00:00Z\",\"kind\":\"running\","
            + "\"port\":\"vm2\",\"text\":\"running\",\"details\":{}}\n\n";

    private RawClient request(final String path, final String... headers) throws IOException {
        return RawClient.connect(socket).send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n"
            + String.join("", List.of(headers).stream().map(header -> header + "\r\n").toList()) + "\r\n");
    }

    /** Reads until the answer contains a text, and returns all of it. */
    private static String until(final RawClient client, final String wanted) throws IOException {
        final StringBuilder answer = new StringBuilder();
        final ByteBuffer bytes = ByteBuffer.allocate(4096);
        while (answer.indexOf(wanted) < 0) {
            assertTrue(client.channel().read(bytes.clear()) > 0, answer.toString());
            answer.append(StandardCharsets.UTF_8.decode(bytes.flip()));
        }
        return answer.toString();
    }

    @Test
    void aStreamHasEachEventWithItsIdKindAndData() throws IOException {
        try (RawClient raw = request("/v1/events?after=0")) {
            final String answer = until(raw, SECOND);
            assertTrue(answer.startsWith("HTTP/1.1 200 OK\r\n"), answer);
            assertTrue(answer.contains("Content-Type: text/event-stream\r\n"), answer);
            assertTrue(answer.contains("id: 0\n\n"), answer);
            assertTrue(answer.contains("id: 1\nevent: running\ndata: {\"id\":1,"), answer);
        }
    }

    @Test
    void aStreamContinuesAfterTheLastEventThatTheClientHasRead() throws IOException {
        try (RawClient raw = request("/v1/events?after=0", "Last-Event-ID: 1")) {
            final String answer = until(raw, SECOND);
            assertTrue(answer.contains("id: 1\n\n"), answer);
            assertFalse(answer.contains("\"id\":1,"), answer);
        }
    }

    @Test
    void aStreamOfOnePortHasNoEventsOfOthers() throws IOException {
        try (RawClient raw = request("/v1/events?after=0&port=vm2")) {
            assertFalse(until(raw, SECOND).contains("\"port\":\"vm1\""));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "-1", "1.5", "99999999999999999999"})
    void whatIsNotAnIdIsRefused(final String id) {
        final ApiException e = assertThrows(ApiException.class, () -> client.get("/v1/events?after=" + id));
        assertEquals(400, e.status());
        assertTrue(e.getMessage().endsWith("after: \"" + id + "\" is not the ID of an event, or 0 for all events "
            + "that the switch has"), e.getMessage());
    }

    @Test
    void aClientReadsLinesUntilItHasEnough() {
        final List<String> lines = new ArrayList<>();
        assertTrue(client.lines("/v1/events?after=0", "text/event-stream", line -> {
            lines.add(line);
            return !line.startsWith("data: ");
        }));
        assertEquals(List.of("id: 0", "", "id: 1", "event: running"), lines.subList(0, 4));
    }

    @Test
    void aClientNoticesThatTheSwitchHasEnded() {
        assertFalse(client.lines("/v1/events", "text/event-stream", _ -> {
            Thread.ofVirtual().start(server::close);
            return true;
        }));
    }

    @Test
    void streamsAreLimitedAndEndWithTheirClients() throws IOException {
        final List<RawClient> streams = new ArrayList<>();
        try {
            for (int i = 0; i < 16; i++) {
                streams.add(request("/v1/events?after=0"));
                until(streams.getLast(), SECOND);
            }
            final ApiException e = assertThrows(ApiException.class, () -> client.get("/v1/events"));
            assertEquals(503, e.status());
            assertEquals("16 streams are open, the maximum; close one first", e.getMessage());
            assertTrue(client.get("/v1/ports").startsWith("["), "other requests are served");
            streams.removeFirst().close();
            Await.until(() -> {
                try (RawClient next = request("/v1/events?after=0")) {
                    return until(next, "\n").startsWith("HTTP/1.1 200 ");
                } catch (final IOException failure) {
                    throw new AssertionError(failure);
                }
            });
        } finally {
            for (final RawClient stream : streams) {
                stream.close();
            }
        }
    }
}
