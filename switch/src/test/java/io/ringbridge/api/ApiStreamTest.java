package io.ringbridge.api;

import io.ringbridge.control.transport.SocketAccess;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests answers that are written as they arise. */
@Timeout(60)
class ApiStreamTest {
    private static final Duration SHORT = Duration.ofMillis(200);

    @TempDir
    private Path dir;

    private ApiServer serve(final Answer.Writer writer) {
        final Resource resource = () -> List.of(
            Route.get("/v1/stream", _ -> Answer.of(new Answer.Stream("text/event-stream", writer))).streaming());
        return ApiServer.start(dir.resolve("api.sock"), SocketAccess.DEFAULT, List.of(resource), SHORT);
    }

    @Test
    void aStreamArrivesAndOutlastsTheTimeLimitOfARequest() throws IOException {
        try (ApiServer _ = serve(out -> {
            out.write("first\n".getBytes(StandardCharsets.UTF_8));
            out.flush();
            try (RawClient idle = RawClient.connect(dir.resolve("api.sock"))) {
                idle.answer(); // the server closes an idle connection after the limit
            }
            out.write("last\n".getBytes(StandardCharsets.UTF_8));
        })) {
            final String answer = RawClient.exchange(dir.resolve("api.sock"), "GET /v1/stream");
            assertTrue(answer.startsWith("HTTP/1.1 200 ") && answer.contains("Content-Type: text/event-stream\r\n"),
                answer);
            assertTrue(answer.contains("first\n") && answer.contains("last\n"), answer);
        }
    }

    @Test
    void streamsLeaveRoomForOtherRequests() throws Exception {
        final Path socket = dir.resolve("api.sock");
        final List<RawClient> readers = new ArrayList<>();
        try (ApiServer _ = serve(out -> {
            out.write('x');
            out.flush();
            new CountDownLatch(1).await();
        })) {
            for (int i = 0; i < 16; i++) {
                final RawClient reader = RawClient.connect(socket).send("GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n");
                reader.channel().read(ByteBuffer.allocate(1)); // the stream has begun
                readers.add(reader);
            }
            final String refused = RawClient.exchange(socket, "GET /v1/stream");
            assertTrue(refused.startsWith("HTTP/1.1 503 ") && refused.contains("16 streams are open"), refused);
            assertTrue(RawClient.exchange(socket, "GET /v1/other").startsWith("HTTP/1.1 404 "));
        } finally {
            for (final RawClient reader : readers) {
                reader.close();
            }
        }
    }

    @Test
    void theEndOfTheServerInterruptsAStream() throws Exception {
        final CountDownLatch started = new CountDownLatch(1);
        final CountDownLatch ended = new CountDownLatch(1);
        final ApiServer server = serve(out -> {
            out.write('x');
            out.flush();
            started.countDown();
            try {
                new CountDownLatch(1).await();
            } finally {
                ended.countDown();
            }
        });
        try (RawClient _ = RawClient.connect(dir.resolve("api.sock"))
            .send("GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n")) {
            started.await();
            server.close();
            ended.await();
        }
    }
}
