package io.ringbridge.app;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.api.ApiClient;
import io.ringbridge.api.ApiException;
import io.ringbridge.api.Json;
import io.ringbridge.api.LogLevelsView;
import io.ringbridge.config.Config;
import io.ringbridge.control.frontend.Frontend;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the events and the log levels of a switch through its API. */
@Timeout(60)
class EventsOverApiTest {
    @TempDir
    private Path dir;
    private Switch running;
    private ApiClient client;
    private final LogLevelsView before = new LogSettings(List::of).levels();

    @BeforeEach
    void start() {
        running = Switch.start(Config.DEFAULT);
        running.openApi(dir.resolve("api"));
        client = new ApiClient(dir.resolve("api"));
        client.change("POST", "/v1/ports", "name=vm1,socket=" + dir.resolve("vm1") + ",vlan=10");
    }

    @AfterEach
    void end() {
        client.change("PATCH", "/v1/log-levels", "{\"level\": \"" + before.level() + "\"}");
        running.close();
    }

    private static JsonNode json(final String text) {
        try {
            return new ObjectMapper().readTree(text);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns all events up to the first of a kind. */
    private List<JsonNode> until(final String kind) {
        final List<JsonNode> events = new ArrayList<>();
        client.lines("/v1/events?after=0", "text/event-stream", line -> {
            if (line.startsWith("data: ")) {
                events.add(json(line.substring("data: ".length())));
            }
            return events.isEmpty() || !events.getLast().get("kind").asText().equals(kind);
        });
        return events;
    }

    @Test
    void theLifeOfAPortIsAStreamOfEvents() throws IOException {
        client.change("PATCH", "/v1/ports/vm1", "{\"mtu\": 9000}");
        client.change("POST", "/v1/ports/vm1/suspend", null);
        client.change("POST", "/v1/ports/vm1/suspend", null);
        client.change("POST", "/v1/ports/vm1/resume", null);
        try (Frontend guest = Frontend.connect(dir.resolve("vm1"))) {
            guest.negotiate(Frontend.DEFAULT_FEATURES);
            until("negotiated");
        }
        until("detached");
        client.change("DELETE", "/v1/ports/vm1", null);
        final List<JsonNode> events = until("removed");
        assertEquals(List.of("opened", "changed", "suspended", "resumed", "attached", "negotiated", "detached",
            "removed"),
            events.stream().map(event -> event.get("kind").asText()).toList());
        assertTrue(events.stream().allMatch(event -> event.get("port").asText().equals("vm1")));
        assertEquals("server " + dir.resolve("vm1") + ", 1 queue pair, mtu 1500, vlan 10",
            events.getFirst().get("text").asText());
        assertEquals(10, events.getFirst().get("details").get("vlan").asInt());
        assertEquals(9000, events.get(1).get("details").get("mtu").asInt());
        assertEquals(ProcessHandle.current().pid(), events.get(4).get("details").get("pid").asLong());
        assertTrue(StreamSupport.stream(events.get(5).get("details").get("features").spliterator(), false)
            .anyMatch(feature -> feature.asText().equals("version_1")));
    }

    @Test
    void logLevelsChangeTogether() {
        client.change("PATCH", "/v1/log-levels", "{\"level\": \"warn\", \"ports\": {\"vm1\": \"debug\"}}");
        assertEquals(new LogLevelsView("warn", Map.of("vm1", "debug")),
            Json.read(client.get("/v1/log-levels"), LogLevelsView.class));
        assertEquals("general level: warn\nport vm1: debug", client.table("/v1/log-levels"));
        client.change("PATCH", "/v1/log-levels", "{\"ports\": {\"vm1\": null}}");
        assertEquals("general level: warn", client.table("/v1/log-levels"));
    }

    @Test
    void theLevelOfAPortEndsWithThePort() {
        client.change("PATCH", "/v1/log-levels", "{\"ports\": {\"vm1\": \"error\"}}");
        client.change("DELETE", "/v1/ports/vm1", null);
        assertEquals(Map.of(), Json.read(client.get("/v1/log-levels"), LogLevelsView.class).ports());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"level\": \"loud\"}                         | level: \"loud\" is not debug or info or warn or error",
        "{\"levle\": \"info\"}                         | levle: unknown key (\"level\"?); allowed: level, ports",
        "{\"level\": \"warn\", \"ports\": {\"vm2\": \"info\"}} | ports.vm2: unknown key (\"vm1\"?); allowed: vm1",
        "{\"level\": \"warn\", \"ports\": {\"vm1\": 3}}        | ports.vm1: 3 is not debug or info or warn or error",
        "[\"debug\"]                                   | a list is not a mapping; allowed keys: level, ports"})
    void aMistakeChangesNothing(final String body, final String reason) {
        final String levels = client.get("/v1/log-levels");
        final ApiException e =
            assertThrows(ApiException.class, () -> client.change("PATCH", "/v1/log-levels", body));
        assertEquals(400, e.status());
        assertTrue(e.getMessage().contains(reason), e.getMessage());
        assertEquals(levels, client.get("/v1/log-levels"));
    }
}
