package io.ringbridge.control.frontend;

import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Frames;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests {@link Frontend} with two guests of one switch, over real sockets. */
class FrontendTest {
    private static final long FEATURES = Frontend.DEFAULT_FEATURES;

    @TempDir
    Path directory;
    private Datapath datapath;
    private GuestPort portA;
    private GuestPort portB;
    private Backend backendA;
    private Backend backendB;

    @BeforeEach
    void start() {
        datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
        portA = datapath.addGuestPort("a", 2, 9000);
        portB = datapath.addGuestPort("b", 2, 9000);
        backendA = Backend.open(portA, BackendOptions.server(directory.resolve("a")));
        backendB = Backend.open(portB, BackendOptions.server(directory.resolve("b")));
    }

    @AfterEach
    void end() {
        backendA.close();
        backendB.close();
        datapath.close();
    }

    static LongStream layouts() {
        return LongStream.of(FEATURES, FEATURES | Features.of(Features.RING_PACKED));
    }

    private Guest guest(final String name, final long features, final int bufferLength) throws IOException {
        return Guest.attach(directory.resolve(name), features, new QueueShape(256, bufferLength));
    }

    private static byte[] frame(final int to, final int from, final int length, final int number) {
        final byte[] frame = new byte[length];
        Arrays.fill(frame, 12, length, (byte) number);
        ByteBuffer.wrap(frame).putShort(0, (short) 0x5254).putInt(2, to).putShort(6, (short) 0x5254).putInt(8, from)
            .putShort(12, (short) 0x88B5).putInt(14, number);
        return frame;
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void framesArriveWholeAndInOrder(final long features) throws Exception {
        try (Guest a = guest("a", features, 2048); Guest b = guest("b", features, 2048)) {
            assertEquals(5, a.frontend().maxVrings());
            final SplittableRandom random = new SplittableRandom(1);
            for (int i = 0; i < 5000; i++) {
                final byte[] frame = frame(2, 1, 60 + random.nextInt(1400), i);
                Frames.send(a.queues(), frame);
                assertArrayEquals(frame, Frames.next(b.queues()));
            }
            assertEquals(PortState.RUNNING, portA.state());
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void framesSpanReceiveBuffers(final long features) throws Exception {
        try (Guest a = guest("a", features, 9100); Guest b = guest("b", features, 300)) {
            for (final int length : new int[] {60, 288, 289, 1514, 4000, 9014}) {
                final byte[] frame = frame(2, 1, length, length);
                Frames.send(a.queues(), frame);
                assertArrayEquals(frame, Frames.next(b.queues()));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void twoThreadsExchangeFrames(final long features) throws Exception {
        final int count = 20_000;
        try (Guest a = guest("a", features, 2048); Guest b = guest("b", features, 2048)) {
            final Thread echo = Thread.ofPlatform().start(() -> {
                for (int i = 0; i < count; i++) {
                    final byte[] frame = Frames.next(b.queues());
                    Frames.send(b.queues(), frame(1, 2, frame.length, ByteBuffer.wrap(frame).getInt(14)));
                }
            });
            int sent = 0;
            for (int received = 0; received < count; received++) {
                while (sent < count && sent - received < 64) {
                    Frames.send(a.queues(), frame(2, 1, 60, sent++));
                }
                assertEquals(received, ByteBuffer.wrap(Frames.next(a.queues())).getInt(14));
            }
            echo.join();
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void stoppedRingsResumeAtTheirPosition(final long features) throws Exception {
        try (Guest a = guest("a", features, 2048); Guest b = guest("b", features, 2048)) {
            for (int i = 0; i < 300; i++) {
                Frames.send(a.queues(), frame(2, 1, 100, i));
                assertEquals(i, ByteBuffer.wrap(Frames.next(b.queues())).getInt(14));
                if (i % 100 == 50) {
                    a.frontend().stop();
                    assertEquals(PortState.CONNECTED, portA.state());
                    b.frontend().stop();
                    a.frontend().start();
                    b.frontend().start();
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void framesAreSegmentedForAReceiverWithoutOffloads(final long features) throws Exception {
        final int headers = 54;
        final int data = 60_000;
        final byte[] frame = frame(2, 1, headers + data, 7);
        ByteBuffer.wrap(frame).putShort(12, (short) 0x0800).putShort(14, (short) 0x4500)
            .putShort(16, (short) (headers - 14 + data))
            .putLong(18, 0x4000_4006L << 16).putInt(38, 1_000_000).putShort(46, (short) 0x5010);
        final byte[] header = {1, 1, headers, 0, (byte) 0xA8, 5, 34, 0, 16, 0, 0, 0};
        final long offloads = features | Features.OFFLOADS;
        try (Guest a = guest("a", offloads, 65_600)) {
            assertEquals(Features.OFFLOADS, a.frontend().features() & Features.OFFLOADS);
            try (Guest b = guest("b", offloads, 2048)) {
                assertTrue(a.queues().transmitter().transmit(header, frame));
                assertArrayEquals(frame, Frames.next(b.queues()));
                assertArrayEquals(Arrays.copyOf(header, 10), Arrays.copyOf(b.queues().receiver().header(), 10));
            }
            try (Guest b = guest("b", features, 2048)) {
                assertTrue(a.queues().transmitter().transmit(header, frame));
                for (int at = 0; at < data; at += 1448) {
                    final ByteBuffer segment = ByteBuffer.wrap(Frames.next(b.queues()));
                    assertEquals(headers + Math.min(1448, data - at), segment.capacity());
                    assertEquals(1_000_000 + at, segment.getInt(38));
                    assertArrayEquals(new byte[10], Arrays.copyOf(b.queues().receiver().header(), 10));
                }
            }
        }
    }

    @Test
    void aPortServesOneGuestAfterAnother() throws Exception {
        for (int i = 0; i < 20; i++) {
            try (Guest a = guest("a", FEATURES, 2048);
                 Guest b = guest("b", FEATURES | Features.of(Features.EVENT_IDX), 2048)) {
                Frames.send(b.queues(), frame(1, 2, 64, i));
                assertEquals(i, ByteBuffer.wrap(Frames.next(a.queues())).getInt(14));
            }
        }
    }

    @Test
    void featuresThatAreNotOfferedAreLeftOut() throws Exception {
        try (Guest a = guest("a", -1, 2048)) {
            assertFalse(Features.has(a.frontend().features(), Features.NOTIFY_ON_EMPTY));
            assertTrue(Features.has(a.frontend().features(), Features.EVENT_IDX));
            assertEquals(a.frontend().features(), portA.features());
        }
    }
}
