package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
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
 * A packed ring whose front-end itself gives back what it takes for available while it has no back-end, as QEMU does when a guest kicks a
 * transmit queue: from where it believes the ring to stand, which is where it stood when a back-end was last started.
 */
@Timeout(120)
class PassedRingTest {
    private static final int SIZE = 16;
    private static final int LENGTH = 64;
    private static final int ROUNDS = 20_000;

    private final GuestRam ram = new GuestRam();
    private final MemFd file = MemFd.create("inflight", 4096);
    private final InflightArea area = InflightArea.map(Fd.duplicate(file.fd()), 0, 4096, 1, SIZE);
    private final InflightRegion region = area.region(0, SIZE, true);
    private final RingAddresses at = ram.ring(SIZE);
    private final Segments chain = new Segments();
    private final SplittableRandom random = new SplittableRandom(5);
    private final DriverRing driver = DriverRing.create(SIZE, Features.of(Features.RING_PACKED), at);
    private int longest = 1;
    private int returned;
    /** The position as the front-end knows it, and as it did when the record was last believed, or begun. */
    private int position = Packed.WRAP;
    private int told = Packed.WRAP;
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

    /** A device that goes on where the record has the ring, if that is to be believed, and else where the front-end does. */
    private TrackedPackedRing device() {
        if (region.fits(SIZE, at, base(told), base(position))) {
            passed += told == position ? 0 : 1;
        } else {
            region.begin(base(position));
        }
        told = position;
        return again();
    }

    private TrackedPackedRing again() {
        return (TrackedPackedRing) DeviceRing.create(
            new RingConfig(SIZE, Features.of(Features.RING_PACKED), at, base(position), ram.memory, region));
    }

    private void offer(final int chains) {
        for (int i = 0; i < chains; i++) {
            chain.clear();
            for (int n = random.nextInt(longest); n >= 0; n--) {
                chain.add(GuestRam.BASE + GuestRam.SIZE + (long) n * LENGTH, LENGTH);
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

    /** The device is killed while it shows what it has given back. */
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

    /** The front-end gives back at most so many chains, as it sees them. */
    private void giveBack(final int most) {
        for (int n = 0; n < most; n++) {
            final int head = position & Packed.WRAP - 1;
            final boolean round = (position & Packed.WRAP) != 0;
            if (!Packed.isAvailable(Memory.getShort(descriptor(head) + Packed.FLAGS), round)) {
                return;
            }
            int count = 1;
            while ((Memory.getShort(descriptor((head + count - 1) % SIZE) + Packed.FLAGS) & Descriptor.NEXT) != 0 && count < SIZE) {
                count++;
            }
            final int next = (head + count) % SIZE | (head + count < SIZE == round ? Packed.WRAP : 0);
            if (next == Packed.WRAP && longest > 1) {
                return; // as if the ring were made anew: a chain across its end may leave nothing that shows that it is not
            }
            Memory.putInt(descriptor(head) + 8, 0);
            Memory.putShort(descriptor(head) + Packed.FLAGS, (short) (round ? Packed.AVAIL | Packed.USED : 0));
            position = next;
        }
    }

    /** That the ring goes on: all that the driver has offered comes back, and then as much again as it has room for, over and over. */
    private void assertGoesOn(final TrackedPackedRing device) {
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
    void aRingGoesOnBehindWhatItsFrontEndHasGivenBack(final int descriptors, final int most) {
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
            giveBack(random.nextInt(most + 1));
            reap();
            offer(random.nextInt(3));
            device = device();
            if (random.nextInt(8) == 0) {
                assertGoesOn(device);
            }
        }
        assertGoesOn(device);
        assertTrue(passed > ROUNDS / 50, passed + " times behind what the front-end had given back");
        assertTrue(returned > ROUNDS, returned + " chains came back");
    }

    @Test
    void whatComesBeforeIsGivenBackOnce() {
        final TrackedPackedRing device = device();
        for (int i = 0; i < 2 * SIZE - 3; i++) {
            offer(1);
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            device.publish();
            reap();
        }
        offer(SIZE);
        giveBack(1); // the fourth of them, at descriptor 0
        assertEquals(Packed.WRAP | 1, position);
        reap();
        assertEquals(2 * SIZE - 3, returned, "the driver does not see it");
        device();
        reap();
        assertEquals(2 * SIZE + 1, returned);
        again(); // as after another kill
        reap();
        assertEquals(2 * SIZE + 1, returned);
        assertGoesOn(again());
    }

    @Test
    void aRingMadeAnewIsNotTakenForOneThatWasPassed() {
        final TrackedPackedRing device = device();
        for (int i = 0; i < 5; i++) {
            offer(1);
            device.next(chain, false);
            device.use(0);
            device.publish();
            reap();
        }
        Memory.zero(at.descriptors(), RingAddresses.descriptorBytes(SIZE));
        final DriverRing anew = DriverRing.create(SIZE, Features.of(Features.RING_PACKED), at);
        anew.add(GuestRam.BASE, LENGTH, false);
        anew.publish();
        giveBack(1);
        assertEquals(Packed.WRAP | 1, position);
        assertFalse(region.fits(SIZE, at, base(told), base(position)));
    }
}
