package io.ringbridge.app;

import io.ringbridge.control.event.Events;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Tests that the end of a worker ends the process, even if a shutdown hook hangs. */
@Timeout(60)
class WorkerWatchTest {
    /** A process in which a worker ends while a shutdown hook hangs. */
    static final class Victim {
        private Victim() {
        }

        public static void main(final String[] args) throws InterruptedException {
            final CountDownLatch never = new CountDownLatch(1);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                while (never.getCount() > 0) {
                    Thread.onSpinWait();
                }
            }));
            Thread.ofPlatform().daemon()
                .start(() -> new WorkerWatch(new Events())
                    .ended("rb-worker-3", new OutOfMemoryError("Java heap space")));
            never.await();
        }
    }

    @Test
    void theProcessEndsWithItsStatusAndOneLogLine() throws Exception {
        final Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp", System.getProperty("java.class.path"), Victim.class.getName()).redirectErrorStream(true).start();
        final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(70, process.waitFor());
        assertEquals(1, output.lines().filter(line ->
            line.contains("rb-worker-3 ended unexpectedly; the switch exits with status 70: "
                + "java.lang.OutOfMemoryError"))
                .count(), output);
    }
}
