package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.testkit.TwoRegionRam;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A packed ring whose front-end returns available chains itself while it has no back-end. QEMU does so when a guest
 * kicks a transmit queue. The front-end starts at its own position of the ring, which is from the last start of a
 * back-end.
 */
@Timeout(120)
class PassedRingTest {
    private static final int SIZE = 16;
    private static final int LENGTH = 64;
    private static final int ROUNDS = 20_000;

    private final TwoRegionRam ram = new TwoRegionRam();
    private final MemFd file = MemFd.create("inflight", 4096);
    private final InflightArea area = InflightArea.map(Fd.duplicate(file.fd()), 0, 4096, 1, SIZE);
    private final InflightRegion region = area.region(0, SIZE, true);
    private final RingAddresses at = ram.ring(SIZE);
    private final Segments chain = new Segments();
    private final SplittableRandom random = new SplittableRandom(5);
    private final DriverRing driver = DriverRing.create(SIZE, Features.of(Features.RING_PACKED), at);
    private int longest = 1;
    private int returned;
    /** The position according to the front-end. */
    private int position = Packed.WRAP;
    /** The position according to the front-end when the record was last accepted or initialised. */
    private int recordedPosition = Packed.WRAP;
    private int passed;

    @AfterEach
    void close() {
        area.close();
        file.close();
        ram.close();
    }

    private static int base(final int position) {
        return position | position << 16;
    }

    /**
     * Returns a device that resumes from the record if that fits the ring, and from the front-end's position if not.
     */
    private TrackedPackedRing device() {
        if (region.fits(SIZE, at, base(recordedPosition), base(position))) {
            passed += recordedPosition == position ? 0 : 1;
        } else {
            region.begin(base(position));
        }
        recordedPosition = position;
        return successor();
    }

    private TrackedPackedRing successor() {
        return (TrackedPackedRing) DeviceRing.create(
            new RingConfig(SIZE, Features.of(Features.RING_PACKED), at, base(position), ram.memory, region));
    }

    private void offer(final int chains) {
        for (int i = 0; i < chains; i++) {
            chain.clear();
            for (int n = random.nextInt(longest); n >= 0; n--) {
                chain.add(TwoRegionRam.BASE + TwoRegionRam.SIZE + (long) n * LENGTH, LENGTH);
            }
            driver.add(chain, false);
        }
        driver.publish();
    }

    private void reap() {
        while (driver.poll() >= 0) {
            returned++;
        }
    }

    private void burst(final TrackedPackedRing device) {
        int out = 0;
        for (int i = random.nextInt(SIZE); i > 0 && device.next(chain, false) == DeviceRing.TAKEN; i--) {
            out++;
        }
        for (int i = random.nextInt(out + 1); i > 0; i--) {
            device.use(0);
        }
    }

    /** Kills the device while it publishes the chains that it has returned. */
    private void end(final TrackedPackedRing device) {
        final int steps = random.nextInt(5);
        if (steps > 0) {
            device.recordBatch();
        }
        if (steps > 1) {
            device.show();
        }
        if (steps > 2) {
            device.unmark();
        }
        if (steps > 3) {
            device.settle();
        }
    }

    private long descriptor(final int index) {
        return at.descriptors() + (long) index * Descriptor.SIZE;
    }

    /** Returns at most {@code most} chains as the front-end, from the front-end's position on. */
    private void returnChains(final int most) {
        for (int n = 0; n < most; n++) {
            final int head = position & Packed.WRAP - 1;
            final boolean round = (position & Packed.WRAP) != 0;
            if (!Packed.isAvailable(Memory.getShort(descriptor(head) + Packed.FLAGS), round)) {
                return;
            }
            int count = 1;
            while ((Memory.getShort(descriptor((head + count - 1) % SIZE) + Packed.FLAGS) & Descriptor.NEXT) != 0
                && count < SIZE) {
                count++;
            }
            final int next = (head + count) % SIZE | (head + count < SIZE == round ? Packed.WRAP : 0);
            if (next == Packed.WRAP && longest > 1) {
                return; // a new ring's position: after a chain across the end, nothing may distinguish the two rings
            }
            Memory.putInt(descriptor(head) + 8, 0);
            Memory.putShort(descriptor(head) + Packed.FLAGS, (short) (round ? Packed.AVAIL | Packed.USED : 0));
            position = next;
        }
    }

    /** Asserts that the ring works: the driver gets all its chains back, and so it does for several more rounds. */
    private void assertResumes(final TrackedPackedRing device) {
        for (int i = 0; i < 6; i++) {
            reap();
            while (device.next(chain, false) == DeviceRing.TAKEN) {
                device.use(0);
            }
            device.publish();
            reap();
            assertEquals(SIZE, driver.free(), "every descriptor came back");
            offer(5);
        }
    }

    @ParameterizedTest
    @CsvSource({"1,1", "1,16", "3,1", "3,16"})
    void aRingResumesAfterTheChainsThatItsFrontEndHasReturned(final int descriptors, final int most) {
        longest = descriptors;
        TrackedPackedRing device = device();
        for (int i = 0; i < ROUNDS; i++) {
            offer(random.nextInt(SIZE));
            burst(device);
            end(device);
            if (random.nextInt(4) == 0) {
                reap();
            }
            offer(random.nextInt(SIZE));
            returnChains(random.nextInt(most + 1));
            reap();
            offer(random.nextInt(3));
            device = device();
            if (random.nextInt(8) == 0) {
                assertResumes(device);
            }
        }
        assertResumes(device);
        assertTrue(passed > ROUNDS / 50, passed + " times after chains that the front-end had returned");
        assertTrue(returned > ROUNDS, returned + " chains came back");
    }

    @Test
    void earlierChainsAreReturnedOnce() {
        final TrackedPackedRing device = device();
        for (int i = 0; i < 2 * SIZE - 3; i++) {
            offer(1);
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            device.publish();
            reap();
        }
        offer(SIZE);
        returnChains(1); // the fourth of these chains, at descriptor 0
        assertEquals(Packed.WRAP | 1, position);
        reap();
        assertEquals(2 * SIZE - 3, returned, "the driver does not see the returned chain");
        device();
        reap();
        assertEquals(2 * SIZE + 1, returned);
        successor(); // as after another kill
        reap();
        assertEquals(2 * SIZE + 1, returned);
        assertResumes(successor());
    }

    @Test
    void aNewRingIsNotMistakenForOneThatAFrontEndPassed() {
        final TrackedPackedRing device = device();
        for (int i = 0; i < 5; i++) {
            offer(1);
            device.next(chain, false);
            device.use(0);
            device.publish();
            reap();
        }
        Memory.zero(at.descriptors(), RingAddresses.descriptorBytes(SIZE));
        final DriverRing fresh = DriverRing.create(SIZE, Features.of(Features.RING_PACKED), at);
        fresh.add(TwoRegionRam.BASE, LENGTH, false);
        fresh.publish();
        returnChains(1);
        assertEquals(Packed.WRAP | 1, position);
        assertFalse(region.fits(SIZE, at, base(recordedPosition), base(position)));
    }
}
