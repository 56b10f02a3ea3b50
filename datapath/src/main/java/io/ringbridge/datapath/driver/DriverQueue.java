package io.ringbridge.datapath.driver;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;

/** A virtqueue as its driver has it: the ring in the guest's memory, with its kick and call events. */
public final class DriverQueue implements AutoCloseable {
    private final int index;
    private final long features;
    private final DriverRing ring;
    private final EventFd kick = EventFd.create();
    private final EventFd call = EventFd.create();

    /**
     * Allocates an empty ring in the guest's memory.
     *
     * @param index the number of the virtqueue in its device
     * @param size the number of entries; a power of two in a split ring
     * @param features the negotiated virtio features
     */
    public DriverQueue(final int index, final int size, final long features, final GuestRam ram) {
        this.index = index;
        this.features = features;
        final boolean packed = Features.has(features, Features.RING_PACKED);
        final long descriptors = ram.allocate(RingAddresses.descriptorBytes(size), 16);
        final long driver = ram.allocate(RingAddresses.driverBytes(size, packed), 64);
        final long device = ram.allocate(RingAddresses.deviceBytes(size, packed), 64);
        ring = DriverRing.create(size, features,
            new RingAddresses(descriptors, driver, device, ram.guestAddress(device)));
    }

    /** Returns the number of the virtqueue in its device. */
    public int index() {
        return index;
    }

    /** Returns the ring. The driver's thread owns it. */
    public DriverRing ring() {
        return ring;
    }

    /** Returns the event that the driver signals. */
    public EventFd kick() {
        return kick;
    }

    /** Returns the event that the device signals. */
    public EventFd call() {
        return call;
    }

    /**
     * Returns the ring as a device of this process serves it.
     *
     * @param base the position at which the device starts, as in SET_VRING_BASE
     * @param memory the guest's memory, as the device translates addresses
     */
    public RingConfig config(final int base, final GuestMemory memory) {
        return new RingConfig(ring.size(), features, ring.addresses(), base, memory);
    }

    /** Makes the added buffers available to the device, and kicks it if it wants a notification. */
    void publish() {
        if (ring.publish()) {
            kick.signal();
        }
    }

    /** Closes both events. The ring remains in the guest's memory. */
    @Override
    public void close() {
        kick.close();
        call.close();
    }
}
