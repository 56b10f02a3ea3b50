package io.ringbridge.control.frontend;

import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;

/** A ring with its kick and call events, as the front-end announces it. */
final class Vring implements AutoCloseable {
    final int index;
    final DriverRing ring;
    final EventFd kick = EventFd.create();
    final EventFd call = EventFd.create();
    int base;
    boolean started;

    Vring(final int index, final int size, final long features, final GuestRam ram) {
        this.index = index;
        base = DriverRing.freshBase(features);
        final boolean packed = Features.has(features, Features.RING_PACKED);
        ring = DriverRing.create(size, features, new RingAddresses(
            ram.allocate(RingAddresses.descriptorBytes(size), 16),
            ram.allocate(RingAddresses.driverBytes(size, packed), 64),
            ram.allocate(RingAddresses.deviceBytes(size, packed), 64)));
    }

    /** Makes the added buffers available to the device, and kicks it if it wants a notification. */
    void publish() {
        if (ring.publish()) {
            kick.signal();
        }
    }

    @Override
    public void close() {
        kick.close();
        call.close();
    }
}
