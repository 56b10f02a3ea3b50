package io.ringbridge.bench.stress;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;

/** A ring with both its sides, each for one actor, and two buffers of a word. */
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
        device = DeviceRing.create(new RingConfig(SIZE, features, addresses, DriverRing.freshBase(features), StressRam.MEMORY));
        device.suppressKicks();
    }

    /** The driver offers two buffers, which the device takes: before the actors begin. */
    final void bothOut() {
        driver.add(StressRam.guest(buffers), 8, true);
        driver.add(StressRam.guest(buffers + 8), 8, true);
        driver.publish();
        device.next(chain, true);
        device.next(chain, true);
    }

    /** Fills both buffers and offers them. */
    final void offerBoth() {
        Memory.putLong(buffers, CONTENT);
        Memory.putLong(buffers + 8, CONTENT);
        driver.add(StressRam.guest(buffers), 8, false);
        driver.add(StressRam.guest(buffers + 8), 8, false);
        driver.publish();
    }

    /** What the next chain that is offered holds, or -1 when there is none. */
    final long take() {
        return device.next(chain, false) == DeviceRing.TAKEN && chain.totalLength() == 8 ? Memory.getLong(chain.address(0)) : NOTHING;
    }

    /** Fills both buffers and gives them back, an entry each. */
    final void useBoth() {
        Memory.putLong(buffers, CONTENT);
        Memory.putLong(buffers + 8, CONTENT);
        device.use(8);
        device.use(8);
        device.publish();
    }

    /** Gives both buffers back, as one batch. */
    final void giveBackBoth() {
        Memory.putLong(buffers, CONTENT);
        Memory.putLong(buffers + 8, CONTENT);
        device.giveBack(2);
        device.publish();
    }

    /** What the next buffer that was used, in the order they were offered, holds, or -1 when there is none. */
    final long poll() {
        return driver.poll() < 0 ? NOTHING : Memory.getLong(buffers + 8L * polled++);
    }

    /** Offers a buffer; whether the driver kicks. */
    final int offerAndKick() {
        driver.add(StressRam.guest(buffers), 8, false);
        return driver.publish() ? 1 : 0;
    }

    /** Asks for kicks; whether a chain is there already. */
    final int armKicks() {
        return device.armKicks() ? 1 : 0;
    }

    /** Gives a buffer back; whether the device notifies. */
    final int useAndNotify() {
        device.use(8);
        device.publish();
        Memory.fullFence();
        return device.wantsNotification() ? 1 : 0;
    }

    /** Asks for notifications; whether a buffer was used already. */
    final int wantNotification() {
        return driver.wantNotification(true) ? 1 : 0;
    }
}
