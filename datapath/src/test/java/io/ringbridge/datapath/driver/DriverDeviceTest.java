package io.ringbridge.datapath.driver;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that a {@link DriverDevice} checks every number that a back-end writes. */
@Timeout(60)
class DriverDeviceTest {
    private static final long BASIC = Features.of(Features.VERSION_1, Features.MRG_RXBUF);
    private static final QueueShape SHAPE = new QueueShape(16, 256);
    private static final int ROOM = 65600;
    private static final int HEADER = FrameDevice.HEADER;

    private final GuestRam ram = GuestRam.sealed("test", QueuePair.bytes(SHAPE, SHAPE));
    private final long buffer = Memory.allocate(ROOM);
    private final long iovecs = Memory.allocate(32);
    private QueuePair pair;
    private DriverDevice device;
    private boolean packed;
    private int used;

    @AfterEach
    void close() {
        pair.receiver().queue().close();
        pair.transmitter().queue().close();
        ram.close();
    }

    private void create(final boolean isPacked, final int... more) {
        packed = isPacked;
        final long features = BASIC | Features.of(more) | (isPacked ? Features.of(Features.RING_PACKED) : 0);
        pair = QueuePair.create(0, ram, features, SHAPE, SHAPE);
        device = new DriverDevice(pair, features);
        assertEquals(FrameDevice.AGAIN, read());
    }

    private long read() {
        return device.read(buffer, ROOM);
    }

    /** Uses a receive chain as a device does that may break every rule. */
    private void use(final int id, final int length) {
        use(pair.receiver().queue(), used++, id, length);
    }

    private void use(final DriverQueue queue, final int position, final int id, final int length) {
        final RingAddresses at = queue.ring().addresses();
        if (packed) {
            final long descriptor = at.descriptors() + 16L * position;
            Memory.putInt(descriptor + 8, length);
            Memory.putShort(descriptor + 12, (short) id);
            Memory.putShort(descriptor + 14, (short) (1 << 15 | 1 << 7 | 2));
        } else {
            Memory.putInt(at.device() + 4 + 8L * position, id);
            Memory.putInt(at.device() + 8 + 8L * position, length);
            Memory.putShort(at.device() + 2, (short) (position + 1));
        }
    }

    /** Returns the identifier of the chain that the driver made available in this place. */
    private int offered(final int position) {
        final RingAddresses at = pair.receiver().queue().ring().addresses();
        return (packed ? Memory.getShort(at.descriptors() + 16L * position + 12)
            : Memory.getShort(at.driver() + 4 + 2L * position)) & 0xFFFF;
    }

    /** Writes the number of buffers of a frame to its first buffer. */
    private void numBuffers(final int position, final int buffers) {
        final RingAddresses at = pair.receiver().queue().ring().addresses();
        final long descriptor = at.descriptors() + 16L * (packed ? position : offered(position));
        final long address = Memory.getLong(descriptor) - GuestRam.GUEST_ADDRESS + ram.address();
        Memory.putShort(address + 10, (short) buffers);
    }

    private void assertGone(final String why) {
        assertTrue(FrameDevice.isGone(read()));
        assertTrue(device.fault().contains(why), device.fault());
        assertTrue(FrameDevice.isGone(read()), "it stays gone");
        assertTrue(FrameDevice.isGone(write(0, 100)), "it stays gone");
        assertTrue(device.arm(), "a worker does not wait for it");
        device.disarm();
        device.flush();
    }

    private long write(final long header, final int length) {
        Memory.zero(buffer, HEADER + length);
        Memory.putLong(buffer, header);
        Memory.putLong(iovecs, buffer);
        Memory.putLong(iovecs + 8, HEADER);
        Memory.putLong(iovecs + 16, buffer + HEADER);
        Memory.putLong(iovecs + 24, length);
        return device.write(iovecs, 2);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void framesInOneOrSeveralBuffersAreRead(final boolean isPacked) {
        create(isPacked);
        use(offered(0), HEADER + 60);
        assertEquals(HEADER + 60, read());
        final int first = offered(1);
        final int second = offered(2);
        numBuffers(1, 2);
        use(pair.receiver().queue(), 2, second, 100);
        use(pair.receiver().queue(), 1, first, 256);
        if (!packed) {
            Memory.putShort(pair.receiver().queue().ring().addresses().device() + 2, (short) 3);
        }
        assertEquals(356, read());
        assertEquals(FrameDevice.AGAIN, read());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anUnknownChainIsRefused(final boolean isPacked) {
        create(isPacked);
        use(16, 100);
        assertGone("the device used chain 16, which it does not own");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aChainThatIsUsedTwiceForOneFrameIsRefused(final boolean isPacked) {
        create(isPacked);
        numBuffers(0, 2);
        use(offered(0), 256);
        use(offered(0), 100);
        assertGone("which it does not own");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aLengthBeyondTheBufferIsRefused(final boolean isPacked) {
        create(isPacked);
        use(offered(0), 257);
        assertGone("wrote 257 bytes to a buffer of 256");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aLengthThatLooksNegativeIsRefused(final boolean isPacked) {
        create(isPacked);
        use(offered(0), -1);
        assertGone("wrote 4294967295 bytes");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aFrameWithoutAWholeHeaderIsRefused(final boolean isPacked) {
        create(isPacked);
        use(offered(0), HEADER - 1);
        assertGone("has 11 bytes");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void missingBuffersOfAFrameAreRefused(final boolean isPacked) {
        create(isPacked);
        numBuffers(0, 65535);
        use(offered(0), 256);
        assertGone("has num_buffers 65535, but only 1 used buffers");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aTransmitChainThatIsNotOutIsRefused(final boolean isPacked) {
        create(isPacked);
        assertEquals(HEADER + 100L, write(0, 100));
        device.flush();
        use(pair.transmitter().queue(), 0, 17, 0);
        device.flush();
        assertTrue(FrameDevice.isGone(read()));
        assertTrue(device.fault().contains("chain 17"), device.fault());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aStalledBackEndCostsFramesOnly(final boolean isPacked) {
        create(isPacked);
        for (int i = 0; i < SHAPE.size(); i++) {
            assertEquals(HEADER + 100L, write(0, 100));
            device.flush();
        }
        assertEquals(FrameDevice.AGAIN, write(0, 100));
        assertEquals(FrameDevice.AGAIN, read());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void requestsThatTheBackEndDidNotOfferAreInvalid(final boolean isPacked) {
        create(isPacked, Features.CSUM, Features.HOST_TSO4);
        assertTrue(device.offloads());
        assertEquals(HEADER + 100L, write(2, 100), "it is left out that a checksum was verified");
        assertEquals(HEADER + 100L, write(1, 100));
        assertEquals(HEADER + 100L, write(0x0101, 100));
        assertEquals(FrameDevice.INVALID, write(0x0401, 100), "TSO6");
        assertEquals(FrameDevice.INVALID, write(0x8101, 100), "ECN");
        assertEquals(FrameDevice.INVALID, write(0x0501, 100), "USO");
        assertEquals(FrameDevice.INVALID, write(0, SHAPE.bufferLength()), "longer than a buffer");
        final long first = Memory.getLong(pair.transmitter().queue().ring().addresses().descriptors())
            - GuestRam.GUEST_ADDRESS + ram.address();
        assertEquals(0, Memory.getLong(first) & 0xFF);
    }

    /** Whatever a back-end writes to the memory, every call returns, and no frame is longer than its room. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void garbageInTheMemoryHarmsNobody(final boolean isPacked) {
        final long seed = System.nanoTime();
        final SplittableRandom random = new SplittableRandom(seed);
        create(isPacked, Features.EVENT_IDX);
        final RingAddresses receive = pair.receiver().queue().ring().addresses();
        for (int round = 0; round < 20_000 && !FrameDevice.isGone(read()); round++) {
            final long offset = random.nextLong(ram.allocated());
            Memory.putByte(ram.address() + offset, (byte) random.nextInt());
            Memory.putShort(receive.device() + 2, (short) random.nextInt(4));
            final long length = read();
            assertTrue(length <= ROOM && length != 0, () -> "seed " + seed + ": " + length);
            write(0, 100);
            device.flush();
            if (random.nextInt(16) == 0) {
                device.arm();
                device.disarm();
            }
        }
        assertNotEquals("", device.fault());
        assertFalse(device.offloads());
    }
}
