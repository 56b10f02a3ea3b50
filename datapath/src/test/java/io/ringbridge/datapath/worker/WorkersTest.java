package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Workers whose threads the system refuses. */
@Timeout(30)
class WorkersTest {
    private final List<Thread> threads = new ArrayList<>();
    private int refused = Integer.MAX_VALUE;

    private Thread thread(final Runnable action) {
        if (threads.size() >= refused) {
            throw new OutOfMemoryError("unable to create native thread");
        }
        threads.add(Thread.ofPlatform().daemon().unstarted(action));
        return threads.getLast();
    }

    @Test
    void aThreadThatCannotBeStartedLeavesTheWorkersAsTheyAre() {
        final WorkerContext context = new WorkerContext(new ForwardingTable(64, 300, 1), new PortList(), 0,
            System::nanoTime, System.nanoTime());
        try (Workers workers = new Workers(2, List.of(), context, this::thread)) {
            workers.start(PollMode.ADAPTIVE, WorkerListener.SILENT);
            final long descriptors = OpenDescriptors.count();
            refused = 4; // the third of the new ones
            final OsException why = assertThrows(OsException.class, () -> workers.replace(3, List.of()));
            assertEquals("cannot start the thread rb-worker-2: unable to create native thread", why.getMessage());
            assertEquals(2, workers.count());
            assertTrue(workers.areRunning());
            assertEquals(List.of(true, true, false, false), threads.stream().map(Thread::isAlive).toList());
            assertEquals(descriptors, OpenDescriptors.count());
            refused = Integer.MAX_VALUE;
            workers.replace(1, List.of());
            assertEquals(1, workers.count());
        }
        threads.forEach(thread -> assertFalse(thread.isAlive()));
    }
}
