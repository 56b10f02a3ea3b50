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
 * A guest with one queue pair, put on a port of this process without a socket: nothing is negotiated, and nobody else learns of it.
 * Attached and closed by one thread at a time.
 */
public final class DirectGuest implements AutoCloseable {
    /** Room for all that a ring has for an entry, and for what alignment takes, in bytes. */
    private static final int ENTRY = 256;

    private final GuestPort port;
    private final GuestRam ram;
    private final MemoryRegion region;
    private final Vring receive;
    private final Vring transmit;
    private final QueuePair queues;

    /**
     * Attaches it.
     *
     * @param port one that nobody is attached to
     * @param features what would have been negotiated
     * @param size entries of each ring, a power of two
     * @param bufferLength bytes of each buffer, virtio-net header included
     */
    public DirectGuest(final GuestPort port, final long features, final int size, final int bufferLength) {
        this.port = port;
        final long bytes = 2L * size * (bufferLength + ENTRY) + ENTRY;
        ram = GuestRam.create("ringbridge-guest", bytes);
        region = MemoryRegion.map(GuestRam.GUEST_ADDRESS, bytes, ram.address(), 0, Fd.duplicate(ram.file().fd()));
        receive = new Vring(0, size, features, ram);
        transmit = new Vring(1, size, features, ram);
        queues = new QueuePair(0, new Transmitter(transmit, ram, features, bufferLength - Features.headerLength(features)),
            new Receiver(receive, ram, features, bufferLength));
        port.features(features);
        start(receive, features);
        start(transmit, features);
    }

    private void start(final Vring vring, final long features) {
        vring.ring.publish();
        final RingAddresses at = vring.ring.addresses();
        port.startRing(vring.index, new RingConfig(vring.ring.size(), features,
            new RingAddresses(host(at.descriptors()), host(at.driver()), host(at.device()), ram.guestAddress(at.device())),
            DriverRing.freshBase(features), GuestMemory.of(List.of(region))), new RingEvents(vring.kick, vring.call, null));
        port.enableRing(vring.index, true);
    }

    /** Where the port sees what the guest has at an address of this process. */
    private long host(final long address) {
        return address - ram.address() + region.hostAddress();
    }

    /** Its queues. */
    public QueuePair queues() {
        return queues;
    }

    /** Takes it off the port and frees its memory. No thread may use its queues any more. */
    @Override
    public void close() {
        port.detach();
        receive.close();
        transmit.close();
        region.close();
        ram.close();
    }
}
