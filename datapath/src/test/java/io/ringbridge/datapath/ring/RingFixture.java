package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.testkit.TwoRegionRam;
import org.junit.jupiter.api.AfterEach;

import java.util.stream.LongStream;

/** The common fixture of ring tests: a guest's memory, devices in it, and a chain to take. */
abstract class RingFixture {
    static final long FEATURES = Features.of(Features.VERSION_1, Features.INDIRECT_DESC);
    static final long PACKED = Features.of(Features.RING_PACKED);
    static final int SIZE = 64;

    final TwoRegionRam ram = new TwoRegionRam();
    final Segments chain = new Segments();

    @AfterEach
    final void closeRam() {
        ram.close();
    }

    static LongStream layouts() {
        return LongStream.of(0, PACKED);
    }

    static boolean packed(final long features) {
        return Features.has(features, Features.RING_PACKED);
    }

    final DeviceRing device(final RingAddresses addresses, final int size, final long features, final int base) {
        return DeviceRing.create(new RingConfig(size, features, addresses, base, ram.memory));
    }

    final DeviceRing device(final RingAddresses addresses, final long features) {
        return device(addresses, SIZE, features, DriverRing.freshBase(features));
    }

    /** Publishes used chains. Returns whether the driver wants a notification. */
    static boolean publishAndCheck(final DeviceRing device) {
        device.publish();
        Memory.fullFence();
        return device.wantsNotification();
    }
}
