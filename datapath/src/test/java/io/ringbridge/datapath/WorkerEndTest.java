package io.ringbridge.datapath;

import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.datapath.worker.WorkerListener;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Workers that fail: the listener receives the error, and no thread waits for a worker that has ended. */
@Timeout(60)
class WorkerEndTest {
    private final CompletableFuture<Throwable> ended = new CompletableFuture<>();
    private final AtomicInteger failures = new AtomicInteger();
    private final WorkerListener listener = new WorkerListener() {
        @Override
        public void failed(final String worker, final Throwable why) {
            failures.incrementAndGet();
        }

        @Override
        public void unexplained(final String worker, final String what) {
            throw new AssertionError(what);
        }

        @Override
        public void ended(final String worker, final Throwable why) {
            ended.complete(why);
        }
    };

    /** A device whose worker fails. */
    private static final class FailingDevice implements FrameDevice, AutoCloseable {
        private final EventFd event = EventFd.create();
        private final Throwable failure;
        private final AtomicInteger left;

        FailingDevice(final Throwable failure, final int times) {
            this.failure = failure;
            left = new AtomicInteger(times);
        }

        @Override
        public boolean offloads() {
            return true;
        }

        @Override
        public long read(final long address, final int length) {
            if (left.get() > 0) {
                left.decrementAndGet();
                if (failure instanceof final Error error) {
                    throw error;
                }
                throw (RuntimeException) failure;
            }
            return AGAIN;
        }

        @Override
        public long write(final long iovecs, final int count) {
            return 0;
        }

        @Override
        public void flush() {
            // writes are not buffered
        }

        @Override
        public int fd() {
            return event.fd();
        }

        @Override
        public boolean arm() {
            return left.get() > 0;
        }

        @Override
        public void disarm() {
            // never armed
        }

        @Override
        public void close() {
            event.close();
        }
    }

    private Datapath start(final PollMode poll, final int workers) {
        final Datapath datapath = Datapath.prepare(
            new DatapathOptions(workers, List.of(), poll, 1024, Duration.ofMinutes(5)));
        datapath.run(listener);
        return datapath;
    }

    @ParameterizedTest
    @CsvSource({"BUSY, 1", "BUSY, 2", "ADAPTIVE, 1", "ADAPTIVE, 2"})
    void anErrorEndsAWorkerAndNoThreadWaitsForIt(final PollMode poll, final int workers) {
        final Error error = new OutOfMemoryError("thrown by the test");
        try (FailingDevice device = new FailingDevice(error, Integer.MAX_VALUE);
             Datapath datapath = start(poll, workers)) {
            final UplinkPort port = datapath.addUplinkPort("up", 1, 1500);
            port.attach(List.of(device), true);
            assertSame(error, ended.join());
            assertEquals(workers, datapath.workers().size());
            assertEquals(1, datapath.ports().getFirst().queues().size());
            port.detach();
            datapath.remove(port);
        }
    }

    @ParameterizedTest
    @CsvSource({"BUSY, 1", "BUSY, 2", "ADAPTIVE, 1", "ADAPTIVE, 2"})
    void aWorkerThatFailsInEveryCycleEnds(final PollMode poll, final int workers) {
        try (FailingDevice device = new FailingDevice(new IllegalStateException("again"), Integer.MAX_VALUE);
             Datapath datapath = start(poll, workers)) {
            final UplinkPort port = datapath.addUplinkPort("up", 1, 1500);
            port.attach(List.of(device), true);
            assertTrue(ended.join().getMessage().contains("again"));
            port.detach();
        }
    }

    @ParameterizedTest
    @CsvSource({"BUSY, 1", "BUSY, 2", "ADAPTIVE, 1", "ADAPTIVE, 2"})
    void aWorkerThatFailsNowAndThenContinues(final PollMode poll, final int workers) {
        try (FailingDevice device = new FailingDevice(new IllegalStateException("now and then"), 10);
             Datapath datapath = start(poll, workers)) {
            final UplinkPort port = datapath.addUplinkPort("up", 1, 1500);
            port.attach(List.of(device), true);
            while (device.left.get() > 0) {
                Thread.onSpinWait();
            }
            port.detach();
        }
        assertEquals(10, failures.get());
        assertTrue(!ended.isDone());
    }
}
