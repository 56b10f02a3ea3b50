package io.ringbridge.app;

import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.driver.Receiver;
import io.ringbridge.datapath.driver.Transmitter;
import io.ringbridge.testkit.NumberedFrames;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

import static org.junit.jupiter.api.Assertions.assertEquals;

/**
 * Two guests that send numbered frames to each other. Each has to receive every frame of the other once, and in order.
 */
final class TalkingGuests implements AutoCloseable {
    static final int WINDOW = 100;
    static final QueueShape SHAPE = new QueueShape(256, 128);

    final Talker a;
    final Talker b;
    private Thread thread;
    private volatile boolean stopping;
    private volatile Throwable failure;

    /** One of the two guests, stations 1 and 2. */
    static final class Talker implements AutoCloseable {
        final Frontend frontend;
        final GuestRam ram;
        final Transmitter transmitter;
        private final Receiver receiver;
        private final NumberedFrames frames;
        private final AtomicInteger received = new AtomicInteger();
        private final AtomicInteger sent = new AtomicInteger();

        Talker(final Path socket, final long features, final int station) throws IOException {
            this(Guest.attach(socket, features, SHAPE), station);
        }

        private Talker(final Guest guest, final int station) {
            this(guest.frontend(), guest.ram(), guest.queues(), station);
        }

        /** Takes an attached front-end, which it owns from now on. */
        Talker(final Frontend frontend, final GuestRam ram, final QueuePair queues, final int station) {
            this.frontend = frontend;
            this.ram = ram;
            transmitter = queues.transmitter();
            receiver = queues.receiver();
            frames = new NumberedFrames(transmitter, 3 - station, station);
        }

        boolean send() {
            if (!frames.send(sent.get())) {
                return false;
            }
            sent.incrementAndGet();
            return true;
        }

        void receive() {
            while (receiver.poll()) {
                if (!NumberedFrames.isNumbered(receiver.address())) {
                    continue; // a frame of the kernel, from an uplink
                }
                assertEquals(received.get(), NumberedFrames.number(receiver.address()), "the frame's number");
                received.incrementAndGet();
            }
            receiver.flush();
            transmitter.complete();
        }

        @Override
        public void close() {
            frontend.close();
        }

        int sent() {
            return sent.get();
        }

        int received() {
            return received.get();
        }
    }

    TalkingGuests(final Path socketA, final Path socketB, final long features) throws IOException {
        this(new Talker(socketA, features, 1), new Talker(socketB, features, 2));
    }

    /**
     * Takes two attached guests.
     *
     * @param a station 1
     * @param b station 2
     */
    TalkingGuests(final Talker a, final Talker b) {
        this.a = a;
        this.b = b;
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
        while (!a.send()) {
            receiveBoth();
        }
        while (!b.send()) {
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
        a.close();
        b.close();
    }
}
