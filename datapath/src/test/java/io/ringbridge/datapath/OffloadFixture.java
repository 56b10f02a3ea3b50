package io.ringbridge.datapath;

import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.params.provider.Arguments;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

import static io.ringbridge.datapath.Offloads.header;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The common fixture of tests of offloads: a datapath that is stepped, guests with any features, and packets. */
abstract class OffloadFixture extends SteppedFixture {
    static final long VERSION_1 = Features.of(Features.VERSION_1, Features.INDIRECT_DESC);
    static final long MERGEABLE = Features.of(Features.MRG_RXBUF);
    static final long PACKED = Features.of(Features.RING_PACKED);
    static final byte[] ONE_TO_TWO = Arrays.copyOf(Frames.ethernet(2, 1, 14), 12);
    static final byte[] PLAIN = new byte[12];

    final SplittableRandom random = new SplittableRandom(5);

    /** Both ring layouts, each with large receive buffers and with small ones that are merged. */
    static Stream<Arguments> rings() {
        return Stream.of(0L, PACKED).flatMap(layout -> Stream.of(
            Arguments.of(layout, VERSION_1, 65_600),
            Arguments.of(layout, VERSION_1 | MERGEABLE, 2048),
            Arguments.of(layout, VERSION_1 | MERGEABLE, 400),
            Arguments.of(layout, 0L, 65_600)));
    }

    TestGuest guest(final int mtu, final long features, final int bufferLength) {
        final int size = bufferLength > 4096 ? 64 : 512;
        return guest(mtu, features, size, bufferLength);
    }

    Packet packet(final boolean ipv6, final int protocol, final int data) {
        return Packet.random(random, ipv6, protocol, ONE_TO_TWO, data);
    }

    void send(final TestGuest from, final byte[] header, final byte[] frame) {
        final long mark = from.mark();
        final int cut = 1 + random.nextInt(frame.length);
        from.send(header, frame, random.nextBoolean() ? new int[0] : new int[] {cut, cut + random.nextInt(11)});
        run();
        assertEquals(1, from.reap());
        from.release(mark);
    }

    void assertReceives(final TestGuest guest, final byte[] header, final List<byte[]> frames,
                                final String what) {
        final List<TestGuest.Received> received = guest.receivedWithHeaders();
        assertEquals(frames.size(), received.size(), () -> what + "; drops: "
            + guests.getFirst().port.statistics().drops()
            + guest.port.statistics().drops());
        for (int i = 0; i < frames.size(); i++) {
            final byte[] got = received.get(i).header;
            assertArrayEquals(Arrays.copyOf(header, 10), Arrays.copyOf(got, 10), what + ", header " + i);
            if (got.length > 10) {
                final int buffers = got[10] & 0xFF | (got[11] & 0xFF) << 8;
                assertTrue(Features.has(guest.features, Features.MRG_RXBUF) ? buffers > 0 : buffers == 1,
                    "num_buffers " + buffers);
            }
            assertArrayEquals(frames.get(i), received.get(i).frame, what + ", frame " + i);
        }
    }
}
