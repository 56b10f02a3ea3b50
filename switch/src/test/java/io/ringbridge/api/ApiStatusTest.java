package io.ringbridge.api;

import io.ringbridge.app.Switch;
import io.ringbridge.config.ConfigReader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the API's answers, as any HTTP client sees them. */
@Timeout(60)
class ApiStatusTest {
    @TempDir
    private Path dir;

    private Path socket;
    private Switch running;

    @BeforeEach
    void start() {
        socket = dir.resolve("api.sock");
        running = Switch.start(ConfigReader.parse("f", "ports: [{name: a, socket: " + dir.resolve("a.sock") + "}]"));
        running.openPorts();
        running.openApi(socket);
    }

    @AfterEach
    void stop() {
        running.close();
    }

    private void assertStatus(final int status, final String body, final String answer) {
        assertTrue(answer.startsWith("HTTP/1.1 " + status + " "), answer);
        assertTrue(answer.contains(body), answer);
    }

    private static String withBody(final String type, final String body) {
        return "Content-Type: " + type + "\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        PUT /v1/ports                 | 405 | GET, HEAD, POST
        DELETE /v1/ports              | 405 | GET, HEAD, POST
        POST /v1/queues               | 405 | GET, HEAD
        POST /v1/workers              | 405 | GET, HEAD
        DELETE /v1/config             | 405 | GET, HEAD, PATCH
        PUT /v1/fdb                   | 405 | GET, HEAD, POST, DELETE
        GET /v1/upgrade               | 405 | POST
        HEAD /v1/upgrade              | 405 | POST
        POST /v1/ports/a           | 405 | GET, HEAD, PATCH, DELETE
        GET /v1/ports/a/suspend       | 405 | POST
        DELETE /v1/ports/a/resume     | 405 | POST
        POST /v1/fdb/x            | 405 | DELETE
        OPTIONS /v1/ports             | 405 | GET, HEAD, POST
        BREW /v1/ports                | 405 | GET, HEAD, POST
        """)
    void anUnsupportedMethodIsRefusedWithTheAllowedOnes(final String line, final int status,
        final String allow) throws IOException {
        final String answer = RawClient.exchange(socket, line);
        assertStatus(status, "\r\nAllow: " + allow + "\r\n", answer);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        GET /nothing               | 404 | /nothing is not a path of this API; there are: /health, /metrics
        GET /                      | 404 | is not a path of this API
        GET /v1/ports/                | 404 | is not a path of this API
        GET /v1/ports/a/b/c           | 404 | is not a path of this API
        POST /v1/ports/a/             | 404 | is not a path of this API
        DELETE /v1/fdb/               | 404 | is not a path of this API
        DELETE /v1/ports/none         | 404 | no port is named \\"none\\"
        POST /v1/ports                | 411 | the request needs a body
        POST /v1/fdb                  | 411 | the request needs a body
        DELETE /v1/fdb?static=maybe   | 400 | static: \\"maybe\\" is neither true nor false
        DELETE /v1/fdb?prot=a      | 400 | prot: unknown key (\\"port\\"?); allowed: port, static
        POST /v1/upgrade              | 409 | this switch is embedded in another program
        DELETE /v1/fdb?port=a         | 200 | {"flushed":0}
        GET /v1/ports?state=up     | 400 | state: unknown key
        POST /v1/ports/a/suspend   | 204 | HTTP/1.1 204 No Content
        """)
    void requestsWithoutABodyAreAnswered(final String line, final int status, final String body) throws IOException {
        assertStatus(status, body, RawClient.exchange(socket, line));
    }

    @Test
    void headIsGetWithoutTheBody() throws IOException {
        for (final String view : new String[] {"ports", "queues", "fdb", "workers", "config"}) {
            final String answer = RawClient.exchange(socket, "HEAD /v1/" + view);
            assertTrue(answer.startsWith("HTTP/1.1 200 ") && answer.contains("\r\nContent-Type: application/json\r\n"),
                answer);
            assertTrue(answer.matches("(?s).*\r\nContent-Length: [1-9]\\d*\r\n.*") && answer.endsWith("\r\n\r\n"),
                answer);
        }
        final String unknown = RawClient.exchange(socket, "HEAD /nothing");
        assertTrue(unknown.startsWith("HTTP/1.1 404 ") && unknown.endsWith("\r\n\r\n"), unknown);
    }

    @Test
    void bodiesAreKeysWithValuesOrJson() throws IOException {
        final String b = dir.resolve("b.sock").toString();
        assertStatus(201, "\r\nLocation: /v1/ports/b\r\n", RawClient.exchange(socket, "POST /v1/ports",
            withBody("application/json",
                "{\"name\": \"b\", \"socket\": \"" + b + "\", \"queues\": 2, \"trunk\": [10, \"20-29\"]}")));
        assertStatus(409, "\\\"b\\\" is taken", RawClient.exchange(socket, "POST /v1/ports",
            withBody("text/plain", "name=b,socket=" + dir.resolve("c.sock"))));
        assertStatus(409, "is used by port b", RawClient.exchange(socket, "POST /v1/ports",
            withBody("application/json", "{\"name\": \"c\", \"socket\": \"" + b + "\"}")));
        assertStatus(201, "{\"mac\":\"52:54:00:00:00:01\",", RawClient.exchange(socket, "POST /v1/fdb",
            withBody("application/json", "{\"mac\": \"52:54:00:00:00:01\", \"port\": \"a\"}")));
        final String spec = "name=d,socket=" + dir.resolve("d.sock");
        assertStatus(201, "\r\nLocation: /v1/ports/d\r\n", RawClient.exchange(socket, "POST /v1/ports",
            "Transfer-Encoding: chunked\r\n\r\n5\r\n"
            + spec.substring(0, 5)
            + "\r\n" + Integer.toHexString(spec.length() - 5) + "\r\n" + spec.substring(5) + "\r\n0\r\n\r\n"));
        assertTrue(RawClient.exchange(socket, "GET /v1/ports").contains("\"name\":\"d\""));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
        {"name": "b",                       | invalid JSON
        {"name": "b"                        | invalid JSON: Unexpected end-of-input: expected close marker for Object \
        (start marker at line 1, column 1)
        {name: b}                           | invalid JSON
        {"name": "b"} {"name": "c"}         | a second value starts here
        {"name": "b", "name": "c"}          | given twice
        {"name": "b", "sokcet": "/tmp/b"}   | unknown key (\\"socket\\"?)
        {"name": "b", "type": "tpa"}        | type: \\"tpa\\" is not vhost-user, tap, pcap or backend (\\"tap\\"?)
        {"name": "b", "queues": "two", "socket": "/tmp/b"} | queues
        ["name", "b"]                       | port add: line 1: a list is not a mapping; allowed keys: name, type
        "name"                              | is not key=value
        name=b                              | socket: missing
        nonsense                            | is not key=value
        """)
    void invalidBodiesAreClientErrors(final String body, final String why) throws IOException {
        for (final String type : new String[] {"application/json", "text/plain", "application/x-www-form-urlencoded"}) {
            assertStatus(400, why, RawClient.exchange(socket, "POST /v1/ports", withBody(type, body)));
        }
    }

    @Test
    void longBodiesAreRefusedInAnyEncoding() throws IOException {
        final String tooLong = "name=" + "x".repeat(1 << 20);
        assertStatus(413, "the body is longer than 1048576 bytes",
            RawClient.exchange(socket, "POST /v1/ports", "Content-Length: " + tooLong.length()));
        assertStatus(413, "the body is longer than 1048576 bytes", RawClient.exchange(socket, "POST /v1/ports",
            "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(tooLong.length()) + "\r\n" + tooLong
            + "\r\n0\r\n\r\n"));
        assertStatus(400, "is not key=value", RawClient.exchange(socket, "POST /v1/ports", "Content-Length: 0"));
    }

    @Test
    void theTimeOfAnUpgradeIsLimited() throws IOException {
        assertStatus(400, "upgrade: line 1: timeout: 0 is out of range; 1 to 3600 is allowed",
            RawClient.exchange(socket, "POST /v1/upgrade", withBody("application/json", "{\"timeout\": 0}")));
    }

    @Test
    void aHeaderThatNeverEndsIsRefused() throws IOException {
        try (RawClient client = RawClient.connect(socket)
            .send("GET /v1/ports HTTP/1.1\r\nHost: x\r\nX: " + "x".repeat(10_000))) {
            final ByteBuffer answer = ByteBuffer.allocate(1000);
            client.channel().read(answer); // the server resets the connection after its answer
            assertStatus(431, "", new String(answer.array(), 0, answer.position(), StandardCharsets.UTF_8));
        }
    }

    @Test
    void plainTextIsATable() throws IOException {
        final String table = RawClient.exchange(socket, "GET /v1/ports", "Accept: text/plain");
        assertTrue(table.contains("\r\nContent-Type: text/plain;charset=utf-8\r\n")
            && table.contains("\r\n\r\nPORT  STATE"), table);
        assertTrue(RawClient.exchange(socket, "GET /nothing", "Accept: text/plain")
            .contains("\r\n\r\n/nothing is not a path of this API"));
        for (final String accept : new String[] {"*/*", "application/json, text/plain;q=0.5", "text/html"}) {
            assertTrue(RawClient.exchange(socket, "GET /v1/ports", "Accept: " + accept)
                .contains("\r\n\r\n[{\"name\":\"a\""), accept);
        }
        final String idle = RawClient.exchange(socket, "GET /v1/workers", "Accept: text/plain");
        assertEquals("-", idle.lines().reduce((_, last) -> last).orElseThrow().strip().split(" +", -1)[5], idle);
    }
}
