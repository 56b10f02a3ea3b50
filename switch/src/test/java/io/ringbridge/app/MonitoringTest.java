package io.ringbridge.app;

import io.ringbridge.app.metrics.Scrape;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Monitors a switch with two guests over TCP, also while another process takes it over. */
@Timeout(60)
class MonitoringTest {
    @TempDir
    private Path dir;

    private final HttpClient client = HttpClient.newHttpClient();

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            return socket.getLocalPort();
        }
    }

    private Config config(final int port) {
        return ConfigReader.parse("test", "poll: busy\nstate: none\nhttp: {listen: " + port + "}\nports:\n"
            + "  - {name: a, socket: " + dir.resolve("a") + "}\n  - {name: b, socket: " + dir.resolve("b") + "}\n");
    }

    private HttpResponse<String> get(final int port, final String path) throws IOException, InterruptedException {
        return client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .timeout(Duration.ofSeconds(20)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private Scrape scrape(final int port) throws IOException, InterruptedException {
        return new Scrape(get(port, "/metrics").body());
    }

    @AfterEach
    void closeClient() {
        client.close();
    }

    @Test
    void aSwitchIsReadyOnceItsPortsAreOpen() throws IOException, InterruptedException {
        final int port = freePort();
        try (Switch running = Switch.start(config(port))) {
            running.openHttp();
            assertEquals(200, get(port, "/health").statusCode());
            final HttpResponse<String> early = get(port, "/ready");
            assertEquals(503, early.statusCode());
            assertTrue(early.body().contains("not all ports of the configuration are open"), early.body());
            running.openPorts();
            assertEquals("{\"status\":\"ready\"}\n", get(port, "/ready").body());
            running.ports().remove("a");
            assertEquals(200, get(port, "/ready").statusCode(), "an operator removed the port");
        }
        assertThrows(IOException.class, () -> get(port, "/health"));
    }

    @Test
    void metricsCountFramesAndContinueAfterAnUpgrade() throws Exception {
        final int port = freePort();
        Switch running = Switch.start(config(port));
        running.openHttp();
        running.openPorts();
        try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"),
            Frontend.DEFAULT_FEATURES)) {
            guests.exchange(500);
            assertEquals(500, frames(port, "a", "in"));
            assertEquals(500, frames(port, "b", "out"));
            assertEquals(1, scrape(port).value("ringbridge_port_attachments_total", "port=a"));
            running = LocalUpgrade.run(dir, running, config(port));
            Await.until(() -> isReady(port));
            guests.exchange(300);
            assertEquals(800, frames(port, "a", "in"));
            assertEquals(800, frames(port, "b", "out"));
            final Scrape after = scrape(port);
            assertEquals(300, after.value("ringbridge_port_frame_size_bytes_count", "port=a", "queue=0",
                "direction=in"));
            assertEquals(300, after.value("ringbridge_port_frames_by_destination_total", "port=a", "queue=0",
                "direction=in", "destination=unicast"));
            assertEquals(1, after.value("ringbridge_port_state", "port=a", "state=running"));
        } finally {
            running.close();
        }
    }

    private boolean isReady(final int port) {
        try {
            return get(port, "/ready").statusCode() == 200;
        } catch (IOException _) {
            return false; // the port is closed for a moment
        } catch (final InterruptedException e) {
            throw new IllegalStateException("the test has timed out", e);
        }
    }

    /** Returns the frames, once the counters of the last burst are written. */
    private long frames(final int port, final String name, final String direction)
        throws IOException, InterruptedException {
        long last = -1;
        long now = 0;
        while (now != last) {
            last = now;
            now = scrape(port).value("ringbridge_port_frames_total", "port=" + name, "queue=0",
                "direction=" + direction);
        }
        return now;
    }
}
