package io.ringbridge.bench.stress;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;

/** Both sides of a ring, one per actor, and two buffers of one word. */
class RingState {
    static final int SPLIT = 0;
    static final int PACKED = 1;
    static final long CONTENT = 42;

    private static final int SIZE = 4;
    private static final int NOTHING = -1;

    private final long buffers = StressRam.slot();
    private final DriverRing driver;
    private final DeviceRing device;
    private final Segments chain = new Segments();
    private int polled;

    RingState(final int layout, final int... extra) {
        final long features = Features.of(Features.VERSION_1) | Features.of(extra)
            | (layout == PACKED ? Features.of(Features.RING_PACKED) : 0);
        final RingAddresses addresses = new RingAddresses(buffers + 64, buffers + 192, buffers + 256);
        driver = DriverRing.create(SIZE, features, addresses);
        device = DeviceRing.create(
            new RingConfig(SIZE, features, addresses, DriverRing.freshBase(features), StressRam.MEMORY));
        device.suppressKicks();
    }

    /** Makes two buffers available, and takes both. Called before the actors start. */
    final void bothOut() {
        driver.add(StressRam.guest(buffers), 8, true);
        driver.add(StressRam.guest(buffers + 8), 8, true);
        driver.publish();
        device.next(chain, true);
        device.next(chain, true);
    }

    /** Fills both buffers and makes them available. */
    final void offerBoth() {
        Memory.putLong(buffers, CONTENT);
        Memory.putLong(buffers + 8, CONTENT);
        driver.add(StressRam.guest(buffers), 8, false);
        driver.add(StressRam.guest(buffers + 8), 8, false);
        driver.publish();
    }

    /** Takes a chain. Returns its contents, or -1 if none is available. */
    final long take() {
        return device.next(chain, false) == DeviceRing.TAKEN && chain.totalLength() == 8
            ? Memory.getLong(chain.address(0)) : NOTHING;
    }

    /** Fills both buffers and returns them, with one used entry per buffer. */
    final void useBoth() {
        Memory.putLong(buffers, CONTENT);
        Memory.putLong(buffers + 8, CONTENT);
        device.use(8);
        device.use(8);
        device.publish();
    }

    /** Fills both buffers and returns them as one batch. */
    final void returnBothAsBatch() {
        Memory.putLong(buffers, CONTENT);
        Memory.putLong(buffers + 8, CONTENT);
        device.returnUnused(2);
        device.publish();
    }

    /** Takes back a used buffer. Returns its contents, or -1 if none was used. Buffers are used in order. */
    final long poll() {
        return driver.poll() < 0 ? NOTHING : Memory.getLong(buffers + 8L * polled++);
    }

    /** Makes a buffer available. Returns 1 if the driver kicks. */
    final int offerAndKick() {
        driver.add(StressRam.guest(buffers), 8, false);
        return driver.publish() ? 1 : 0;
    }

    /** Requests kicks. Returns 1 if a chain is available already. */
    final int armKicks() {
        return device.armKicks() ? 1 : 0;
    }

    /** Returns a buffer to the driver. Returns 1 if the device notifies. */
    final int useAndNotify() {
        device.use(8);
        device.publish();
        Memory.fullFence();
        return device.wantsNotification() ? 1 : 0;
    }

    /** Requests notifications. Returns 1 if a buffer is used already. */
    final int wantNotification() {
        return driver.wantNotification(true) ? 1 : 0;
    }
}
