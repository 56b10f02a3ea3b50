package io.ringbridge.api;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests what happens to the rest of a request that has its answer already. */
@Timeout(60)
class DrainTest extends ApiFixture {
    /** Longer than any buffer between the client and the server. */
    private static final int LONG_BODY = 8 << 20;
    /** The server closes the connection of a client that sends more than this. */
    private static final int MAX_BYTES = 16 << 20;
    private static final int PIECE = 1 << 20;

    private static String header(final String line, final String length) {
        return line + " HTTP/1.1\r\nHost: localhost\r\n" + length + "\r\n\r\n";
    }

    private static String header(final String line, final int length) {
        return header(line, "Content-Length: " + length);
    }

    /** A client that reads nothing until it has sent its whole request still gets the answer. */
    @ParameterizedTest
    @CsvSource({
        "POST /v1/ports,         413, the body is longer than 1048576 bytes",
        "GET /v1/ports/a/suspend, 405, GET is not allowed for /v1/ports/a/suspend",
        "POST /v1/nothing,       404, /v1/nothing is not a path of this API"})
    void theAnswerArrivesAfterTheWholeBodyIsSent(final String line, final int status, final String why)
        throws IOException {
        try (RawClient raw = RawClient.connect(socket)) {
            final String answer = raw.send(header(line, LONG_BODY) + "x".repeat(LONG_BODY)).answer();
            assertTrue(answer.startsWith("HTTP/1.1 " + status + " ") && answer.contains(why), answer);
            assertTrue(answer.contains("Connection: close"), answer);
        }
        assertEquals(List.of(), fake.done);
    }

    @Test
    void aChunkedBodyIsRefusedWhenItIsTooLongAndReadToItsEnd() throws IOException {
        final String chunk = Integer.toHexString(PIECE) + "\r\n" + "x".repeat(PIECE) + "\r\n";
        try (RawClient raw = RawClient.connect(socket)) {
            raw.send(header("POST /v1/ports", "Transfer-Encoding: chunked"));
            for (int sent = 0; sent < LONG_BODY; sent += PIECE) {
                raw.send(chunk);
            }
            final String answer = raw.send("0\r\n\r\n").answer();
            assertTrue(answer.startsWith("HTTP/1.1 413 "), answer);
        }
        assertEquals(List.of(), fake.done);
    }

    @Test
    void aBodyWithoutEndIsCutOff() throws IOException {
        try (RawClient raw = RawClient.connect(socket)) {
            raw.send(header("POST /v1/ports", Integer.MAX_VALUE));
            final long[] sent = {0};
            assertThrows(IOException.class, () -> {
                while (sent[0] < Integer.MAX_VALUE) {
                    sent[0] += raw.channel().write(ByteBuffer.allocate(PIECE));
                }
            });
            assertTrue(sent[0] >= MAX_BYTES, sent[0] + " bytes");
        }
        assertTrue(client.get("/v1/ports").startsWith("[{"), "other clients are served");
    }

    @Test
    void clientsThatNeverSendTheRestLeaveRoomForOthers() throws IOException {
        final List<RawClient> stuck = new ArrayList<>();
        try {
            for (int i = 0; i < 200; i++) {
                stuck.add(RawClient.connect(socket).send(header("POST /v1/ports", LONG_BODY) + "x"));
            }
            assertTrue(client.get("/v1/ports").startsWith("[{"));
        } finally {
            for (final RawClient raw : stuck) {
                raw.close();
            }
        }
    }
}
