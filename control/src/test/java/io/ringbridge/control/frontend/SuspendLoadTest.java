package io.ringbridge.control.frontend;

import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.Datapath;
import io.ringbridge.datapath.worker.DatapathOptions;
import io.ringbridge.datapath.worker.PollMode;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.CRC32;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A guest is suspended and resumed a thousand times in all while it and another send to each other; {@code -Dsuspensions=N} does it N times
 * with each kind of ring and number of workers.
 */
class SuspendLoadTest {
    private static final int ROUNDS = Integer.getInteger("suspensions", 250);
    private static final int WINDOW = 128;
    private static final int FRAME = 60;

    @TempDir
    Path directory;

    /** A guest that sends numbered frames to the other, and takes those for it. */
    private static final class Guest implements AutoCloseable {
        final Frontend frontend;
        final GuestRam ram;
        final Transmitter transmitter;
        final Receiver receiver;
        private final byte[] frame = new byte[FRAME];
        int sent;
        int received;
        private int lastNumber = -1;

        Guest(final Path socket, final long features, final int station) throws IOException {
            frontend = Frontend.connect(socket);
            frontend.negotiate(features);
            ram = frontend.share(192 << 10);
            final QueuePair pair = frontend.addPair(256, 128);
            transmitter = pair.transmitter();
            receiver = pair.receiver();
            receiver.wantNotification(true);
            frontend.start();
            ByteBuffer.wrap(frame).putLong(0, -1).putShort(6, (short) 0x5254).putInt(8, station).putShort(12, (short) 0x88B5);
        }

        boolean trySend(final int to) {
            final ByteBuffer fields = ByteBuffer.wrap(frame).putInt(14, sent);
            if (to != 0) {
                fields.putShort(0, (short) 0x5254).putInt(2, to);
            }
            if (!transmitter.transmit(frame)) {
                return false;
            }
            sent++;
            return true;
        }

        void send(final int to) {
            while (!trySend(to)) {
                pause();
            }
        }

        /** Lets others run: there are more threads than processors. */
        static void pause() {
            LockSupport.parkNanos(1);
        }

        /** Takes what has come; each frame's number is higher than those before. */
        void drain() {
            while (receiver.poll()) {
                assertEquals(FRAME, receiver.length());
                final int number = Integer.reverseBytes(Memory.getInt(receiver.address() + 14));
                assertTrue(number > lastNumber, () -> number + " after " + lastNumber);
                lastNumber = number;
                received++;
            }
            receiver.flush();
        }

        int completed() {
            transmitter.complete();
            return (int) transmitter.completed();
        }

        /** Of all its memory. */
        long checksum() {
            final byte[] bytes = new byte[(int) ram.size()];
            Memory.copy(ram.address(), bytes, 0, bytes.length);
            final CRC32 crc = new CRC32();
            crc.update(bytes);
            return crc.getValue();
        }

        @Override
        public void close() {
            frontend.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"1, split", "2, split", "1, packed", "2, packed"})
    void nothingIsLostOrRepeatedOrMovesInBetween(final int workers, final String layout) throws Exception {
        final long features = Frontend.DEFAULT_FEATURES | ("packed".equals(layout) ? Features.of(Features.RING_PACKED) : 0);
        final AtomicReference<Throwable> error = new AtomicReference<>();
        try (Datapath datapath = Datapath.start(
                 new DatapathOptions(workers, List.of(), PollMode.ADAPTIVE, 1024, Duration.ofMinutes(5)), error::set)) {
            final GuestPort portA = datapath.addGuestPort("a", 1, 1500);
            final GuestPort portB = datapath.addGuestPort("b", 1, 1500);
            try (Backend _ = Backend.start(portA, BackendOptions.server(directory.resolve("a")));
                 Backend _ = Backend.start(portB, BackendOptions.server(directory.resolve("b")));
                 Guest a = new Guest(directory.resolve("a"), features, 1);
                 Guest b = new Guest(directory.resolve("b"), features, 2)) {
                assertTrue(ProtocolFeature.SUSPEND.in(a.frontend.protocolFeatures()));
                meet(a, b);
                final SplittableRandom random = new SplittableRandom(3);
                for (int round = 0; round < ROUNDS; round++) {
                    exchange(a, b, random.nextInt(100));
                    a.frontend.suspend();
                    atTheAcknowledgement(a, b);
                    if (round % 100 == 33) {
                        restartSuspended(a);
                    }
                    whileSuspended(a, b, random.nextInt(20));
                    assertEquals(PortState.SUSPENDED, portA.state());
                    if (round % 100 == 66) {
                        a.frontend.stop(); // the status that it sets ends the suspension as well
                        a.frontend.start();
                    } else {
                        a.frontend.resume();
                    }
                    assertEquals(PortState.RUNNING, portA.state());
                }
                while (b.received < a.sent || a.transmitter.pending() > 0) {
                    Guest.pause();
                    b.drain();
                    a.transmitter.complete();
                }
                a.frontend.suspend();
                a.drain();
                assertEquals(Map.of(), portB.statistics().drops());
                assertEquals(a.sent, b.received);
                final long dropped = portA.statistics().drops().get(DropReason.PORT_SUSPENDED);
                assertEquals(Map.of(DropReason.PORT_SUSPENDED, dropped), portA.statistics().drops());
                assertEquals(b.sent, a.received + dropped);
                System.out.printf("%d suspensions, %s rings, %d workers: %d frames sent and delivered; %d sent to the guest, %d delivered, "
                    + "%d dropped while it was suspended%n", ROUNDS, layout, workers, a.sent, b.sent, a.received, dropped);
            }
        }
        assertNull(error.get());
    }

    private static void meet(final Guest a, final Guest b) {
        a.send(0);
        b.send(0);
        while (a.received == 0 || b.received == 0) {
            Guest.pause();
            a.drain();
            b.drain();
        }
        a.receiver.call().drain();
    }

    private static void exchange(final Guest a, final Guest b, final int frames) {
        for (int i = 0; i < frames; i++) {
            while (a.sent - b.received >= WINDOW) {
                Guest.pause();
                b.drain();
            }
            a.send(2);
            b.send(1);
        }
    }

    private static void atTheAcknowledgement(final Guest a, final Guest b) {
        b.drain();
        assertEquals(a.completed(), b.received, "as many frames delivered as buffers given back");
        final int before = a.received;
        a.drain();
        final boolean called = a.receiver.call().drain();
        assertTrue(called || a.received == before, "what was received has been notified");
    }

    /** Stops all rings, and starts them while the device is suspended. */
    private static void restartSuspended(final Guest a) throws IOException {
        a.frontend.stop();
        a.frontend.suspend();
        final int received = a.received;
        a.drain();
        assertEquals(received, a.received);
        a.frontend.start();
        a.frontend.resume();
        a.frontend.suspend();
        a.drain();
        a.receiver.call().drain();
    }

    private static void whileSuspended(final Guest a, final Guest b, final int frames) throws IOException {
        b.drain();
        final int received = a.received;
        final int delivered = b.received;
        final int completed = a.completed();
        for (int i = 0; i < frames && a.sent - b.received < 2 * WINDOW - 1 && a.trySend(2); i++) {
            b.send(1);
        }
        a.frontend.suspend();
        final long checksum = a.checksum();
        b.send(1);
        while (b.transmitter.pending() > 0) { // with which all workers have been round since
            Guest.pause();
            b.transmitter.complete();
        }
        assertEquals(checksum, a.checksum(), "the guest's memory is left alone");
        assertFalse(a.receiver.call().drain(), "and nobody calls");
        b.drain();
        a.drain();
        assertEquals(delivered, b.received, "nothing leaves");
        assertEquals(received, a.received, "nothing arrives");
        assertEquals(completed, a.completed(), "and no buffer comes back");
    }
}
