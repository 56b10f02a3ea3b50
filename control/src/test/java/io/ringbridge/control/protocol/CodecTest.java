package io.ringbridge.control.protocol;

import io.ringbridge.control.protocol.Message.Region;
import org.junit.jupiter.api.Test;

import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class CodecTest {
    private static final long SEED = 7;
    private static final int ROUNDS = 2000;

    private static Region region(final SplittableRandom random) {
        return new Region(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
    }

    /** Returns a message of this kind with random values that its layout can carry. */
    private static Message message(final Class<?> kind, final SplittableRandom random)
        throws ReflectiveOperationException {
        if (kind == Message.SetMemTable.class) {
            final List<Region> regions = new ArrayList<>();
            for (int n = random.nextInt(9); n > 0; n--) {
                regions.add(region(random));
            }
            return new Message.SetMemTable(regions);
        }
        if (kind == Message.SetVringFd.class) {
            final Request[] three = {Request.SET_VRING_KICK, Request.SET_VRING_CALL, Request.SET_VRING_ERR};
            return new Message.SetVringFd(three[random.nextInt(3)], random.nextInt(256), random.nextBoolean());
        }
        if (kind == Message.MemoryConfirmed.class) {
            return new Message.MemoryConfirmed(random.nextBoolean() ? Request.ADD_MEM_REG : Request.REM_MEM_REG,
                random.nextLong());
        }
        if (kind == Message.InflightFd.class) {
            return new Message.InflightFd(random.nextBoolean() ? Request.GET_INFLIGHT_FD : Request.SET_INFLIGHT_FD,
                random.nextLong(), random.nextLong(), random.nextInt(65536), random.nextInt(65536));
        }
        if (kind == Message.Config.class) {
            final byte[] bytes = new byte[random.nextInt(257)];
            random.nextBytes(bytes);
            return new Message.Config(random.nextBoolean() ? Request.GET_CONFIG : Request.SET_CONFIG, random.nextInt(),
                random.nextInt(), random.nextInt(), ByteBuffer.wrap(bytes));
        }
        if (kind == Message.Iotlb.class) {
            return new Message.Iotlb(random.nextLong(), random.nextLong(), random.nextLong(), random.nextInt(256),
                random.nextInt(256));
        }
        final RecordComponent[] components = kind.getRecordComponents();
        final Object[] values = new Object[components.length];
        final Class<?>[] types = new Class<?>[components.length];
        for (int i = 0; i < components.length; i++) {
            types[i] = components[i].getType();
            values[i] = types[i] == int.class ? (Object) random.nextInt()
                : types[i] == long.class ? random.nextLong() : region(random);
        }
        return (Message) kind.getDeclaredConstructor(types).newInstance(values);
    }

    private static int descriptors(final Message message) {
        return switch (message) {
            case Message.SetMemTable m -> m.regions().size();
            case Message.SetVringFd m -> m.hasDescriptor() ? 1 : 0;
            case Message.AddMemReg _ -> 1;
            default -> message.request().descriptors().min();
        };
    }

    @Test
    void encodedMessagesAreDecoded() throws Exception {
        final SplittableRandom random = new SplittableRandom(SEED);
        final Class<?>[] kinds = Message.class.getPermittedSubclasses();
        assertTrue(kinds.length > 30);
        for (int i = 0; i < ROUNDS; i++) {
            final Class<?> kind = kinds[i % kinds.length];
            if (kind == Message.Unserved.class) {
                continue;
            }
            final Message message = message(kind, random);
            final byte[] payload = Codec.encode(message);
            assertEquals(message, Codec.decode(message.request(), payload, descriptors(message)), "seed " + SEED);
        }
    }

    @Test
    void wrongSizesAndDescriptorCountsAreRefused() {
        for (final Request request : Request.values()) {
            for (final int size : new int[] {request.payload().min() - 1, request.payload().max() + 1}) {
                if (size >= 0) {
                    final ProtocolException e = assertThrows(ProtocolException.class,
                        () -> Codec.decode(request, new byte[size], request.descriptors().min()));
                    assertTrue(e.endsConnection());
                    assertTrue(e.getMessage().contains(request.name())
                        && e.getMessage().contains(request.payload().toString()));
                }
            }
            for (final int descriptors : new int[] {request.descriptors().min() - 1, request.descriptors().max() + 1}) {
                if (descriptors >= 0) {
                    assertThrows(ProtocolException.class,
                        () -> Codec.decode(request, new byte[request.payload().max()], descriptors));
                }
            }
        }
    }

    @Test
    void anyBytesAreDecodedOrRefused() {
        final SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 50_000; i++) {
            final Request request = Request.values()[random.nextInt(Request.values().length)];
            final byte[] payload = new byte[random.nextInt(300)];
            random.nextBytes(payload);
            try {
                assertEquals(request, Codec.decode(request, payload, random.nextInt(10)).request());
            } catch (final ProtocolException e) {
                assertTrue(e.endsConnection());
                assertFalse(e.getMessage().contains("\n"));
            }
        }
    }

    @Test
    void aMemoryTableHasToBeConsistent() {
        final byte[] two =
            Codec.encode(new Message.SetMemTable(List.of(new Region(0, 1, 2, 3), new Region(4, 5, 6, 7))));
        assertThrows(ProtocolException.class, () -> Codec.decode(Request.SET_MEM_TABLE, two, 1));
        assertThrows(ProtocolException.class,
            () -> Codec.decode(Request.SET_MEM_TABLE, Arrays.copyOf(two, two.length - 32), 2));
        assertThrows(ProtocolException.class,
            () -> Codec.decode(Request.SET_MEM_TABLE, Arrays.copyOf(two, two.length - 1), 2));
        two[3] = -1;
        assertThrows(ProtocolException.class, () -> Codec.decode(Request.SET_MEM_TABLE, two, 2));
    }

    @Test
    void unusedSlotsOfAMemoryTableAreIgnored() {
        for (int used = 0; used <= 8; used++) {
            final List<Region> regions = Collections.nCopies(used, new Region(4, 5, 6, 7));
            final byte[] whole = Arrays.copyOf(Codec.encode(new Message.SetMemTable(regions)),
                Request.SET_MEM_TABLE.payload().max());
            Arrays.fill(whole, 8 + 32 * used, whole.length, (byte) 0xA5);
            assertEquals(new Message.SetMemTable(regions), Codec.decode(Request.SET_MEM_TABLE, whole, used));
            final int another = used == 0 ? 1 : used - 1;
            assertThrows(ProtocolException.class, () -> Codec.decode(Request.SET_MEM_TABLE, whole, another));
        }
    }

    @Test
    void aRingDescriptorHasToMatchItsFlag() {
        assertThrows(ProtocolException.class, () -> Codec.decode(Request.SET_VRING_KICK, Codec.number(0x101), 1));
        assertThrows(ProtocolException.class, () -> Codec.decode(Request.SET_VRING_KICK, Codec.number(1), 0));
        assertThrows(ProtocolException.class, () -> Codec.decode(Request.SET_VRING_KICK, Codec.number(0x10001), 1));
        assertEquals(new Message.SetVringFd(Request.SET_VRING_ERR, 255, false),
            Codec.decode(Request.SET_VRING_ERR, Codec.number(0x1FF), 0));
    }

    @Test
    void headersAreChecked() {
        for (final int flags : new int[] {0, 2, 3, 8, 0xA}) {
            assertTrue(assertThrows(ProtocolException.class, () -> new Header(1, flags, 0).checked()).endsConnection());
        }
        for (final int size : new int[] {-1, Integer.MIN_VALUE, Header.MAX_PAYLOAD + 1, Integer.MAX_VALUE}) {
            assertThrows(ProtocolException.class, () -> new Header(1, 1, size).checked());
        }
        final Header header = new Header(0x01020304, 9, 0x0A0B);
        final ByteBuffer bytes = ByteBuffer.allocate(Header.BYTES);
        header.encode(bytes);
        assertArrayEquals(new byte[] {4, 3, 2, 1, 9, 0, 0, 0, 0x0B, 0x0A, 0, 0}, bytes.array());
        assertEquals(header, Header.decode(bytes.flip()));
        assertTrue(header.needsReply());
        assertFalse(header.isReply());
    }

    @Test
    void repliesAreChecked() {
        assertEquals(-2, Codec.number(Codec.number(-2)));
        assertEquals(0xFFFF, Codec.vringNumber(Codec.vringState(3, 0xFFFF), 3));
        assertThrows(ProtocolException.class, () -> Codec.vringNumber(Codec.vringState(3, 0), 2));
        assertThrows(ProtocolException.class, () -> Codec.number(new byte[7]));
    }
}
