package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A fault in a guest's memory cuts a command short, some time after the touch: what it was to do is done all the same, and once. */
class FaultyResumeTest {
    private static final int PAIRS = 3;
    private static final int SIZE = 16;
    private static final long RING = 4096;

    private final long memory = Memory.allocate(2 * PAIRS * RING);

    /** Carries commands out as a worker does that finds nothing cut, and has a fault come once it polls a certain queue. */
    private static final class Worker implements QueueOwner {
        final List<Integer> polled = new ArrayList<>();
        private int faultAt;

        Worker(final int faultAt) {
            this.faultAt = faultAt;
        }

        @Override
        public int index() {
            return 0;
        }

        @Override
        public void execute(final Runnable command) {
            try {
                command.run();
            } catch (final InternalError e) {
                assertEquals("a fault", e.getMessage());
            }
        }

        @Override
        public void add(final TransmitQueue queue) {
            polled.add(queue.vring());
            if (queue.vring() == faultAt) {
                faultAt = -1;
                throw new InternalError("a fault");
            }
        }

        @Override
        public void remove(final TransmitQueue queue) {
            polled.removeIf(vring -> vring == queue.vring());
        }

        @Override
        public void add(final UplinkQueue queue) {
            throw new AssertionError("there are no uplinks");
        }

        @Override
        public void remove(final UplinkQueue queue) {
            throw new AssertionError("there are no uplinks");
        }
    }

    private static final class Nowhere implements Stations {
        @Override
        public void changed() {
            // nobody has heard of any
        }

        @Override
        public void forget() {
            // as above
        }

        @Override
        public void forgetAll() {
            // as above
        }

        @Override
        public long[] statics() {
            return new long[0];
        }

        @Override
        public int addStatics(final long... keys) {
            return keys.length;
        }

        @Override
        public void announce(final long address) {
            // as above
        }
    }

    @ParameterizedTest
    @CsvSource({"1, false", "3, false", "5, false", "1, true", "3, true", "5, true"})
    void everyRingRunsAndIsPolledOnce(final int faultAt, final boolean packed) {
        final Worker worker = new Worker(faultAt);
        final GuestPort port = new GuestPort(0, "a", PAIRS, 1500, null, new QueueOwner[] {worker, worker, worker}, 1, new Nowhere());
        final long features = Features.of(Features.VERSION_1) | (packed ? Features.of(Features.RING_PACKED) : 0);
        port.suspend(SuspendCause.OPERATOR);
        for (int vring = 0; vring < 2 * PAIRS; vring++) {
            final long at = memory + vring * RING;
            Memory.zero(at, RING);
            final RingAddresses place = new RingAddresses(at, at + 1024, at + 2048);
            port.enableRing(vring, true);
            port.startRing(vring, new RingConfig(SIZE, features, place, DriverRing.freshBase(features), GuestMemory.NONE), RingEvents.NONE);
        }
        port.resume(SuspendCause.OPERATOR);
        assertEquals(List.of(1, 3, 5), worker.polled.stream().sorted().toList());
        assertTrue(IntStream.range(0, 2 * PAIRS).allMatch(vring -> port.position(vring).isEmpty()), "none is held");
        port.detach();
        assertEquals(List.of(), worker.polled);
    }
}
