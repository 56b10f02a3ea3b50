package io.ringbridge.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.Receiver;
import io.ringbridge.datapath.driver.Transmitter;
import io.ringbridge.datapath.memory.Memory;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * Two guests that send numbered frames to each other. Each has to receive every frame of the other once, and in order.
 */
final class TalkingGuests implements AutoCloseable {
    static final int WINDOW = 100;
    private static final int FRAME = 60;
    private static final int MEMORY = 192 << 10;
    private static final short ETHERTYPE = Short.reverseBytes((short) 0x88B5);

    final Guest a;
    final Guest b;
    private Thread thread;
    private volatile boolean stopping;
    private volatile Throwable failure;

    /** One of the two guests. */
    static final class Guest {
        final Frontend frontend;
        final GuestRam ram;
        final Transmitter transmitter;
        final Receiver receiver;
        private final byte[] frame = new byte[FRAME];
        private final AtomicInteger received = new AtomicInteger();
        private final AtomicInteger sent = new AtomicInteger();

        Guest(final Path socket, final long features, final int station) throws IOException {
            frontend = Frontend.connect(socket);
            frontend.negotiate(features);
            ram = frontend.share(MEMORY);
            final QueuePair pair = frontend.addPair(256, 128);
            transmitter = pair.transmitter();
            receiver = pair.receiver();
            frontend.start();
            ByteBuffer.wrap(frame).putLong(0, -1).putShort(6, (short) 0x5254).putInt(8, station)
                .putShort(12, (short) 0x88B5);
        }

        boolean send(final int to) {
            ByteBuffer.wrap(frame).putShort(0, (short) 0x5254).putInt(2, to).putInt(14, sent.get());
            if (!transmitter.transmit(frame)) {
                return false;
            }
            sent.incrementAndGet();
            return true;
        }

        void receive() {
            while (receiver.poll()) {
                if (Memory.getShort(receiver.address() + 12) != ETHERTYPE) {
                    continue; // a frame of the kernel, from an uplink
                }
                assertEquals(received.get(), Integer.reverseBytes(Memory.getInt(receiver.address() + 14)),
                    "the frame's number");
                received.incrementAndGet();
            }
            receiver.flush();
            transmitter.complete();
        }

        int sent() {
            return sent.get();
        }

        int received() {
            return received.get();
        }
    }

    /**
     * Returns the number of open descriptors. Jar files are not counted, since the virtual machine opens and closes
     * them at will.
     */
    static long openDescriptors() {
        try (Stream<Path> list = Files.list(Path.of("/proc/self/fd"))) {
            return list.filter(descriptor -> !target(descriptor).endsWith(".jar")).count();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String target(final Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString();
        } catch (final IOException e) {
            return ".jar"; // closed in the meantime
        }
    }

    TalkingGuests(final Path socketA, final Path socketB, final long features) throws IOException {
        a = new Guest(socketA, features, 1);
        b = new Guest(socketB, features, 2);
    }

    /** Sends that many frames each way, and receives them. */
    void exchange(final int frames) {
        for (int i = 0; i < frames; i++) {
            exchangeOne();
        }
        settle();
    }

    private void exchangeOne() {
        while (a.sent() - b.received() >= WINDOW || b.sent() - a.received() >= WINDOW) {
            receiveBoth();
        }
        while (!a.send(2)) {
            receiveBoth();
        }
        while (!b.send(1)) {
            receiveBoth();
        }
        receiveBoth();
    }

    private void receiveBoth() {
        LockSupport.parkNanos(1);
        a.receive();
        b.receive();
        if (Thread.interrupted()) {
            throw new IllegalStateException("the test has timed out");
        }
    }

    /** Waits until all sent frames have arrived. */
    void settle() {
        while (b.received() < a.sent() || a.received() < b.sent()) {
            receiveBoth();
        }
    }

    /** Exchanges frames without end, on a thread of its own. */
    void talk() {
        stopping = false;
        thread = Thread.ofPlatform().daemon().name("test-guests").start(() -> {
            try {
                while (!stopping) {
                    exchangeOne();
                }
                settle();
            } catch (final Throwable e) {
                failure = e;
            }
        });
    }

    /** Waits until that many more frames have arrived at both guests. */
    void awaitMore(final int frames) {
        final int fromA = b.received();
        final int fromB = a.received();
        while (b.received() - fromA < frames || a.received() - fromB < frames) {
            check();
            LockSupport.parkNanos(100_000);
        }
    }

    private void check() {
        if (failure != null) {
            throw new AssertionError("the exchange of frames has failed", failure);
        }
    }

    /** Ends the exchange that {@link #talk} started, once all frames have arrived. */
    void finish() throws InterruptedException {
        stopping = true;
        thread.join();
        check();
        assertEquals(a.sent(), b.received());
        assertEquals(b.sent(), a.received());
    }

    /** Ends the exchange that {@link #talk} started, without waiting for frames in flight. */
    void stop() {
        while (thread != null && thread.isAlive()) {
            thread.interrupt();
            LockSupport.parkNanos(1_000_000);
        }
        failure = null;
    }

    @Override
    public void close() {
        stop();
        a.frontend.close();
        b.frontend.close();
    }
}
