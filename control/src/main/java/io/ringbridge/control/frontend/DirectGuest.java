package io.ringbridge.control.frontend;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.MemoryRegion;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;

import java.util.List;

/**
 * A guest with one queue pair, attached to a port of this process without a socket or a negotiation. Attached and
 * closed by one thread at a time.
 */
public final class DirectGuest implements AutoCloseable {
    /** Memory per ring entry besides the buffer, alignment included, in bytes. */
    private static final int ENTRY = 256;

    private final GuestPort port;
    private final GuestRam ram;
    private final MemoryRegion region;
    private final Vring receive;
    private final Vring transmit;
    private final QueuePair queues;

    /**
     * Attaches the guest.
     *
     * @param port a port that no guest is attached to
     * @param features the virtio features, as if negotiated
     * @param size the number of entries of each ring, a power of two
     * @param bufferLength the size of each buffer in bytes, virtio-net header included
     */
    public DirectGuest(final GuestPort port, final long features, final int size, final int bufferLength) {
        this.port = port;
        final long bytes = 2L * size * (bufferLength + ENTRY) + ENTRY;
        ram = GuestRam.create("ringbridge-guest", bytes);
        region = MemoryRegion.map(GuestRam.GUEST_ADDRESS, bytes, ram.address(), 0, Fd.duplicate(ram.file().fd()));
        receive = new Vring(0, size, features, ram);
        transmit = new Vring(1, size, features, ram);
        queues = new QueuePair(0,
            new Transmitter(transmit, ram, features, bufferLength - Features.headerLength(features)),
            new Receiver(receive, ram, features, bufferLength));
        port.features(features);
        start(receive, features);
        start(transmit, features);
    }

    private void start(final Vring vring, final long features) {
        vring.ring.publish();
        final RingAddresses at = vring.ring.addresses();
        final RingAddresses addresses = new RingAddresses(
            host(at.descriptors()), host(at.driver()), host(at.device()), ram.guestAddress(at.device()));
        port.startRing(vring.index, new RingConfig(vring.ring.size(), features, addresses,
            DriverRing.freshBase(features), GuestMemory.of(List.of(region))),
            new RingEvents(vring.kick, vring.call, null));
        port.enableRing(vring.index, true);
    }

    /** Translates an address in the guest's mapping to the address in the port's mapping. */
    private long host(final long address) {
        return address - ram.address() + region.hostAddress();
    }

    /** Returns the guest's queues. */
    public QueuePair queues() {
        return queues;
    }

    /** Detaches the guest from the port and frees its memory. No thread may use its queues any more. */
    @Override
    public void close() {
        port.detach();
        receive.close();
        transmit.close();
        region.close();
        ram.close();
    }
}
