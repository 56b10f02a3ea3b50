package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Split and packed rings, driver against device. What a hostile driver can do to each is in {@code HostileRingTest}. */
class RingTest {
    private static final long FEATURES = Features.of(Features.VERSION_1, Features.INDIRECT_DESC);
    private static final int SIZE = 64;

    private final GuestRam ram = new GuestRam();
    private final Segments chain = new Segments();

    @AfterEach
    void close() {
        ram.close();
    }

    private DeviceRing device(final RingAddresses addresses, final long features) {
        return device(addresses, features, DriverRing.freshBase(features));
    }

    private DeviceRing device(final RingAddresses addresses, final long features, final int base) {
        return DeviceRing.create(new RingConfig(SIZE, features, addresses, base, ram.memory));
    }

    /** Shows what is used, and says whether the driver is to be notified. */
    private static boolean shown(final DeviceRing device) {
        device.publish();
        Memory.fullFence();
        return device.wantsNotification();
    }

    /** What the driver offered: the pieces' guest addresses and lengths. */
    private record Offer(int id, List<long[]> pieces) {
    }

    static LongStream layouts() {
        return LongStream.of(0, Features.of(Features.RING_PACKED));
    }

    static LongStream layoutsAndEvents() {
        return layouts().flatMap(layout -> LongStream.of(layout, layout | Features.of(Features.EVENT_IDX)));
    }

    @ParameterizedTest
    @MethodSource("layoutsAndEvents")
    void chainsOfAnyShapeArriveInOrderAcrossTheIndexWrap(final long extra) {
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, FEATURES | extra, addresses);
        final DeviceRing device = device(addresses, FEATURES | extra);
        final SplittableRandom random = new SplittableRandom(7);
        final Deque<Offer> offered = new ArrayDeque<>();
        final Deque<Offer> taken = new ArrayDeque<>();
        final Deque<int[]> used = new ArrayDeque<>();
        final Segments buffers = new Segments();
        int chains = 0;
        while (chains < 70_000) {
            final List<long[]> pieces = new ArrayList<>();
            buffers.clear();
            final int count = 1 + random.nextInt(4);
            for (int i = 0; i < count; i++) {
                final long at = GuestRam.BASE + random.nextLong(2 * GuestRam.SIZE - 5000);
                final int length = random.nextInt(5000);
                pieces.add(new long[] {at, length});
                buffers.add(at, length);
            }
            final int id = driver.add(buffers, false);
            if (id >= 0) {
                offered.add(new Offer(id, pieces));
                chains++;
            }
            if (id < 0 || random.nextInt(8) == 0) {
                driver.publish();
                take(device, offered, taken, random);
                giveBack(device, taken, used, random);
                for (int back = driver.poll(); back >= 0; back = driver.poll()) {
                    final int[] expected = used.remove();
                    assertEquals(expected[0], back);
                    assertEquals(expected[1], driver.usedLength());
                }
            }
        }
        assertTrue(chains > 65536, "the index has wrapped");
    }

    private void take(final DeviceRing device, final Deque<Offer> offered, final Deque<Offer> taken, final SplittableRandom random) {
        int atMost = random.nextInt(SIZE + 1);
        while (atMost-- > 0 && device.next(chain, false) == DeviceRing.TAKEN) {
            if (random.nextInt(10) == 0) {
                device.rewind(1);
                assertEquals(DeviceRing.TAKEN, device.next(chain, false), "a chain put back can be taken again");
            }
            final Offer offer = offered.remove();
            taken.add(offer);
            long total = 0;
            int piece = 0;
            for (final long[] expected : offer.pieces) {
                long left = expected[1];
                long at = expected[0];
                while (left > 0) {
                    assertEquals(ram.host(at), chain.address(piece));
                    at += chain.length(piece);
                    left -= chain.length(piece);
                    piece++;
                }
                assertEquals(0, left);
                total += expected[1];
            }
            assertEquals(piece, chain.count());
            assertEquals(total, chain.totalLength());
        }
    }

    private static void giveBack(final DeviceRing device, final Deque<Offer> taken, final Deque<int[]> used,
                                 final SplittableRandom random) {
        int atMost = taken.isEmpty() ? 0 : 1 + random.nextInt(taken.size());
        while (atMost-- > 0) {
            final int written = random.nextInt(1 << 20);
            device.use(written);
            used.add(new int[] {taken.remove().id, written});
        }
        device.publish();
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void eventIndexNotifiesExactlyWhenAsked(final long layout) {
        final long features = FEATURES | layout | Features.of(Features.EVENT_IDX);
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, features, addresses);
        final DeviceRing device = device(addresses, features);
        driver.wantNotification(true);
        for (int i = 0; i < 70_000; i++) {
            driver.add(GuestRam.BASE, 1, false);
            device.armKicks();
            assertTrue(driver.publish(), "a kick is asked for");
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            assertTrue(shown(device), "a notification is asked for");
            driver.poll();
            assertFalse(driver.wantNotification(true));
        }
        device.suppressKicks();
        driver.wantNotification(false);
        for (int i = 0; i < 1000; i++) {
            driver.add(GuestRam.BASE, 1, false);
            assertFalse(driver.publish());
            device.next(chain, false);
            device.use(0);
            assertFalse(shown(device));
            driver.poll();
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void flagsSuppressKicksAndNotifications(final long layout) {
        final long features = FEATURES | layout;
        final RingAddresses addresses = ram.ring(SIZE);
        final DriverRing driver = DriverRing.create(SIZE, features, addresses);
        final DeviceRing device = device(addresses, features);
        driver.wantNotification(true);
        assertFalse(device.armKicks());
        driver.add(GuestRam.BASE, 1, true);
        assertTrue(driver.publish());
        assertEquals(DeviceRing.TAKEN, device.next(chain, true));
        device.use(1);
        assertTrue(shown(device));
        device.suppressKicks();
        driver.wantNotification(false);
        driver.add(GuestRam.BASE, 1, true);
        assertFalse(driver.publish());
        device.next(chain, true);
        device.use(1);
        assertFalse(shown(device));
        driver.add(GuestRam.BASE, 1, true);
        driver.publish();
        assertTrue(device.armKicks(), "what is there already is told");
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void positionIsKeptOverARestart(final long layout) {
        final RingAddresses addresses = ram.ring(SIZE);
        final long features = FEATURES | layout;
        final DriverRing driver = DriverRing.create(SIZE, features, addresses);
        int base = DriverRing.freshBase(features);
        for (int i = 0; i < 70_000; i++) {
            // Some front-ends forget the upper half, which packed rings have the used position in.
            final DeviceRing device = device(addresses, features, i % 2 == 0 ? base : base & 0xFFFF);
            driver.add(GuestRam.BASE, 60, false);
            driver.publish();
            assertEquals(DeviceRing.TAKEN, device.next(chain, false));
            device.use(0);
            device.publish();
            base = device.base();
            assertTrue(driver.poll() >= 0);
        }
    }
}
