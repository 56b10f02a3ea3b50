package io.ringbridge.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.GuestRam;
import io.ringbridge.control.frontend.QueuePair;
import io.ringbridge.control.frontend.Receiver;
import io.ringbridge.control.frontend.Transmitter;
import io.ringbridge.datapath.memory.Memory;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** Two guests that send numbered frames to each other: each has to get the other's, every one, once, in order. */
final class TalkingGuests implements AutoCloseable {
    static final int WINDOW = 100;
    private static final int FRAME = 60;
    private static final int MEMORY = 192 << 10;
    private static final short ETHERTYPE = Short.reverseBytes((short) 0x88B5);

    final Guest a;
    final Guest b;
    private Thread thread;
    private volatile boolean ending;
    private volatile Throwable failure;

    /** One of the two. */
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
            ByteBuffer.wrap(frame).putLong(0, -1).putShort(6, (short) 0x5254).putInt(8, station).putShort(12, (short) 0x88B5);
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
                    continue; // the kernel's own, behind an uplink
                }
                assertEquals(received.get(), Integer.reverseBytes(Memory.getInt(receiver.address() + 14)), "the frame's number");
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

    /** How many descriptors this process has open, jars aside, which the virtual machine opens and closes as it likes. */
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
            return ".jar"; // closed by now
        }
    }

    TalkingGuests(final Path socketA, final Path socketB, final long features) throws IOException {
        a = new Guest(socketA, features, 1);
        b = new Guest(socketB, features, 2);
    }

    /** Sends so many frames each way, and receives them. */
    void exchange(final int frames) {
        for (int i = 0; i < frames; i++) {
            say();
        }
        settle();
    }

    private void say() {
        while (a.sent() - b.received() >= WINDOW || b.sent() - a.received() >= WINDOW) {
            take();
        }
        while (!a.send(2)) {
            take();
        }
        while (!b.send(1)) {
            take();
        }
        take();
    }

    private void take() {
        LockSupport.parkNanos(1);
        a.receive();
        b.receive();
        if (Thread.interrupted()) {
            throw new IllegalStateException("the test's time is over");
        }
    }

    /** Returns when all that was sent has come. */
    void settle() {
        while (b.received() < a.sent() || a.received() < b.sent()) {
            take();
        }
    }

    /** Goes on and on, in a thread of its own. */
    void talk() {
        ending = false;
        thread = Thread.ofPlatform().daemon().name("test-guests").start(() -> {
            try {
                while (!ending) {
                    say();
                }
                settle();
            } catch (final Throwable e) {
                failure = e;
            }
        });
    }

    /** Returns when so many frames more have come at both. */
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
            throw new AssertionError("the guests do not understand each other", failure);
        }
    }

    /** Ends what {@link #talk} began, with everything received. */
    void fallSilent() throws InterruptedException {
        ending = true;
        thread.join();
        check();
        assertEquals(a.sent(), b.received());
        assertEquals(b.sent(), a.received());
    }

    /** Ends what {@link #talk} began, whatever is on its way. */
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
