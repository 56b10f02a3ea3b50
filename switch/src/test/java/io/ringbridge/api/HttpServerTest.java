package io.ringbridge.api;

import io.ringbridge.config.Http;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Which requests over TCP are served, and that a client that sends nothing, or too much, is closed. */
@Timeout(60)
class HttpServerTest {
    private static final String TOKEN = "0123456789abcdef";
    private static final String BASIC =
        "Basic " + Base64.getEncoder().encodeToString(("any:" + TOKEN).getBytes(StandardCharsets.UTF_8));
    private static final Duration LONG = Duration.ofMinutes(5);

    private final FakeSwitch control = new FakeSwitch();

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            return socket.getLocalPort();
        }
    }

    /** Returns a place on an address that every host has, and which counts as reachable from elsewhere. */
    private static Http anywhere() throws IOException {
        return new Http(InetAddress.ofLiteral("0.0.0.0"), freePort(), Optional.of(TOKEN));
    }

    private static Http loopback(final String token) throws IOException {
        return new Http(InetAddress.ofLiteral("127.0.0.1"), freePort(), Optional.ofNullable(token));
    }

    private static Socket connect(final Http http) throws IOException {
        final Socket socket = new Socket();
        socket.connect(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), http.port()));
        return socket;
    }

    /** Sends a request with a header, and returns the answer: status line, headers and body. */
    private static String request(final Http http, final String line, final String header) throws IOException {
        try (Socket socket = connect(http)) {
            socket.getOutputStream().write((line + " HTTP/1.1\r\nConnection: close\r\n"
                + (header.startsWith("Host:") ? "" : "Host: 127.0.0.1\r\n") + (header.isEmpty() ? "" : header + "\r\n")
                + "\r\n").getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static int status(final Http http, final String line, final String header) throws IOException {
        return Integer.parseInt(request(http, line, header).split(" ", 3)[1]);
    }

    @Test
    void aLoopbackAddressIsReadOnlyWithoutAToken() throws IOException {
        final Http http = loopback(null);
        try (HttpServer _ = HttpServer.start(http, control)) {
            for (final String path : List.of("/metrics", "/health", "/ready", "/v1/ports", "/v1/fdb")) {
                assertEquals(200, status(http, "GET " + path, ""), path);
            }
            assertEquals(200, status(http, "HEAD /metrics", ""));
            assertEquals(403, status(http, "POST /v1/ports/a/suspend", ""));
            assertEquals(403, status(http, "POST /v1/ports/a/suspend", "Authorization: Bearer " + TOKEN));
            assertEquals(403, status(http, "DELETE /v1/ports/a", ""));
            assertEquals(403, status(http, "GET /v1/captures", ""));
            assertEquals(403, status(http, "GET /v1/ports/a/trace", ""));
            final String refusal = request(http, "POST /v1/ports/a/suspend", "");
            assertTrue(refusal.contains("Content-Type: application/problem+json"), refusal);
            assertTrue(refusal.contains("no http.token is configured; use the Unix socket"), refusal);
            assertEquals(List.of(), control.done);
        }
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void theTokenPermitsEverything(final boolean onLoopback) throws IOException {
        final Http http = onLoopback ? loopback(TOKEN) : anywhere();
        try (HttpServer _ = HttpServer.start(http, control)) {
            for (final String each : List.of("Bearer " + TOKEN, BASIC)) {
                assertEquals(200, status(http, "GET /metrics", "Authorization: " + each));
                assertEquals(204, status(http, "POST /v1/ports/a/suspend", "Authorization: " + each));
            }
            assertEquals(List.of("suspend a", "suspend a"), control.done);
            for (final String each : List.of("Bearer wrong", "Bearer " + TOKEN + "x", "Basic !", "Basic eA==", "x")) {
                assertEquals(401, status(http, "GET /metrics", "Authorization: " + each), each);
                assertEquals(401, status(http, "POST /v1/ports/a/resume", "Authorization: " + each), each);
            }
            assertEquals(onLoopback ? 200 : 401, status(http, "GET /metrics", ""));
            assertEquals(401, status(http, "POST /v1/ports/a/resume", ""));
            assertTrue(request(http, "POST /v1/ports/a/resume", "").contains("WWW-Authenticate: Basic realm="));
            assertEquals(200, status(http, "GET /health", ""));
            assertEquals(200, status(http, "GET /ready", ""));
            assertEquals(2, control.done.size());
        }
    }

    @Test
    void pagesOfOtherSitesAreRefused() throws IOException {
        final Http http = loopback(TOKEN);
        try (HttpServer _ = HttpServer.start(http, control)) {
            assertEquals(403, status(http, "GET /v1/ports", "Origin: http://evil.example"));
            assertEquals(403, status(http, "POST /v1/ports/a/suspend",
                "Authorization: " + BASIC + "\r\nOrigin: http://evil.example"));
            assertEquals(204, status(http, "POST /v1/ports/a/suspend",
                "Authorization: " + BASIC + "\r\nOrigin: http://127.0.0.1"));
            assertEquals(403, status(http, "GET /v1/ports", "Host: evil.example"), "a name that stands for 127.0.0.1");
            assertEquals(200, status(http, "GET /v1/ports", "Host: localhost:80"));
            assertEquals(200, status(http, "GET /v1/ports", "Host: [::1]:80"));
        }
    }

    @Test
    void healthNamesTheProblem() throws IOException {
        final Http http = loopback(null);
        try (HttpServer _ = HttpServer.start(http, control)) {
            control.problem = "ports not open";
            final String answer = request(http, "GET /ready", "");
            assertTrue(answer.startsWith("HTTP/1.1 503"), answer);
            assertTrue(answer.contains("ports not open"), answer);
            assertEquals(200, status(http, "GET /health", ""));
        }
    }

    @Test
    void metricsHaveTheirMediaType() throws IOException {
        final Http http = loopback(null);
        try (HttpServer _ = HttpServer.start(http, control)) {
            final String answer = request(http, "GET /metrics", "");
            assertTrue(answer.contains("Content-Type: text/plain; version=0.0.4"), answer);
            assertTrue(answer.endsWith("\r\n\r\nup 1\n"), answer);
        }
    }

    @Test
    void aHeaderThatIsTooLongIsRefused() throws IOException {
        final Http http = loopback(null);
        try (HttpServer _ = HttpServer.start(http, control)) {
            assertEquals(431, status(http, "GET /metrics", "X: " + "x".repeat(20_000)));
        }
    }

    @Test
    void idleConnectionsAreClosedAndTheNextClientIsServed() throws IOException {
        final Http http = loopback(null);
        try (HttpServer _ = HttpServer.start(http, control, LONG)) {
            final List<Socket> idle = new ArrayList<>();
            try {
                for (int i = 0; i < 300; i++) {
                    idle.add(connect(http));
                    idle.getLast().getOutputStream().write("GET /metrics HTTP/1.1\r\nX: ".getBytes(
                        StandardCharsets.US_ASCII));
                }
                assertEquals(200, status(http, "GET /metrics", ""));
            } finally {
                for (final Socket socket : idle) {
                    socket.close();
                }
            }
        }
        try (HttpServer _ = HttpServer.start(http, control, Duration.ofMillis(100)); Socket socket = connect(http);
             InputStream in = socket.getInputStream()) {
            assertEquals(-1, in.read(), "a connection that sends nothing is closed");
        }
    }

    @Test
    void aPortInUseIsReported() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            final Http http = new Http(taken.getInetAddress(), taken.getLocalPort(), Optional.empty());
            final ApiException e = assertThrows(ApiException.class, () -> HttpServer.start(http, control));
            assertEquals("http 127.0.0.1:" + taken.getLocalPort() + ": Address already in use", e.getMessage());
        }
    }
}
