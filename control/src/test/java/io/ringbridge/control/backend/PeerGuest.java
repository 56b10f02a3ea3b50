package io.ringbridge.control.backend;

import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.testkit.Await;

import java.util.zip.CRC32;

import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * The guest behind a {@link TestPeer}: its memory, with a ring at each multiple of 64 KiB. It sends the same buffer
 * again and again, through a driver's ring, or by writing the fields of a split ring at vring 1.
 */
public final class PeerGuest implements AutoCloseable {
    /** The offset of the buffer that the guest sends. */
    static final int BUFFER = 0x8_0000;
    private static final int AVAILABLE = 0x4000;
    private static final int USED = 0x8000;
    private static final int IDX = 2;

    final GuestRam ram = GuestRam.create("test", TestPeer.MEMORY);
    /** The event of all rings, for every purpose. */
    final EventFd event = EventFd.create();

    /** Returns the features of a guest with rings of either layout. */
    static long features(final boolean packed) {
        return Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES)
            | (packed ? Features.of(Features.RING_PACKED) : 0);
    }

    /** Returns the descriptor of the memory file, which this object still owns. */
    int fd() {
        return ram.file().fd();
    }

    /** Returns the number of mapped memory files in this process, without the guest's own mapping. */
    long mappedByOthers() {
        return SwitchFixture.mappings() - 1;
    }

    /** Returns the address of a ring in this process. {@link TestPeer#address} gives the back-end the same places. */
    long ring(final int vring) {
        return ram.address() + ((long) vring << 16);
    }

    /** Creates the driver's side of an empty ring. */
    DriverRing driver(final int vring, final int size, final long features) {
        final long at = ring(vring);
        return DriverRing.create(size, features, new RingAddresses(at, at + AVAILABLE, at + USED));
    }

    /** Adds frames to a ring. The device does not see them yet. */
    void add(final DriverRing driver, final int frames) {
        for (int i = 0; i < frames; i++) {
            assertTrue(driver.add(TestPeer.GUEST + BUFFER, 72, false) >= 0);
        }
    }

    /** Makes the added frames available, and kicks the device if it wants a kick. */
    void publish(final DriverRing driver) {
        if (driver.publish()) {
            event.signal();
        }
    }

    /** Returns whether the device asks for a kick when buffers become available (event suppression or flags). */
    boolean wantsKick(final int vring, final boolean packed) {
        final long device = ring(vring) + USED;
        return Memory.getShort(packed ? device + 2 : device) == 0;
    }

    /** Waits until a number of buffers are used. */
    static void awaitUsed(final DriverRing driver, final int frames) {
        for (int i = 0; i < frames; i++) {
            Await.until(() -> driver.poll() >= 0);
        }
    }

    /** Sends frames, which no port receives, and waits until their buffers are used. */
    void move(final DriverRing driver, final int frames) {
        add(driver, frames);
        publish(driver);
        awaitUsed(driver, frames);
    }

    /** Makes one frame available at vring 1, without a kick. */
    void transmit() {
        Memory.putLong(ring(1), TestPeer.GUEST + BUFFER);
        Memory.putLong(ring(1) + 8, 76);
        available(1);
    }

    /** Writes the available index of vring 1. */
    void available(final int index) {
        available(1, index);
    }

    /** Writes the available index of a split ring. */
    void available(final int vring, final int index) {
        Memory.putShortRelease(ring(vring) + AVAILABLE + IDX, (short) index);
    }

    /** Writes the used index of vring 1. */
    void used(final int index) {
        used(1, index);
    }

    /** Writes the used index of a split ring. */
    void used(final int vring, final int index) {
        Memory.putShort(ring(vring) + USED + IDX, (short) index);
    }

    /** Returns the used index of vring 1. */
    int used() {
        return Memory.getShortAcquire(ring(1) + USED + IDX);
    }

    /** Returns a copy of the memory. */
    byte[] content() {
        final byte[] bytes = new byte[(int) TestPeer.MEMORY];
        Memory.copy(ram.address(), bytes, 0, bytes.length);
        return bytes;
    }

    long checksum() {
        final CRC32 crc = new CRC32();
        crc.update(content());
        return crc.getValue();
    }

    @Override
    public void close() {
        ram.close();
        event.close();
    }
}
