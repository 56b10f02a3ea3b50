package io.ringbridge.control.backend;

import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.newsclub.net.unix.AFUNIXServerSocket;
import org.newsclub.net.unix.AFUNIXSocketAddress;
import org.newsclub.net.unix.FileDescriptorCast;

import java.io.FileDescriptor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

import static io.ringbridge.control.backend.PeerGuest.features;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests a front-end that uses pipes or sockets in place of eventfds. */
@Timeout(60)
class PipeNotificationsTest extends SessionFixture {
    private static final int SIZE = 64;
    private static final int FRAMES = 20;
    private static final List<Request> DESCRIPTORS =
        List.of(Request.SET_VRING_KICK, Request.SET_VRING_CALL, Request.SET_VRING_ERR, Request.SET_LOG_FD);

    private GuestPort otherPort;
    private Backend other;

    @BeforeEach
    void addPort() {
        otherPort = fixture.datapath.addGuestPort("b", 1, 1500);
        other = Backend.open(otherPort, BackendOptions.server(directory.resolve("b")));
    }

    @AfterEach
    void closeOther() {
        other.close();
    }

    /** A ring of the guest, with its kick, call, and error descriptors. */
    private final class Ring implements AutoCloseable {
        final int vring;
        final boolean packed;
        final DriverRing driver;
        final PipeEnds kick;
        final PipeEnds call;
        final PipeEnds error;

        Ring(final TestPeer peer, final int vring, final PipeEnds.Kind kind, final long features, final int available)
            throws IOException {
            this.vring = vring;
            packed = Features.has(features, Features.RING_PACKED);
            kick = PipeEnds.of(kind);
            call = PipeEnds.of(kind);
            error = PipeEnds.of(kind);
            driver = guest.driver(vring, SIZE, features);
            driver.wantNotification(true);
            for (int i = 0; i < available; i++) {
                driver.add(TestPeer.GUEST + 0x9_0000 + 2048L * i, 2048, true);
            }
            driver.publish();
            peer.send(new Message.SetVringNum(vring, SIZE));
            peer.send(new Message.SetVringBase(vring, DriverRing.freshBase(features)));
            peer.send(TestPeer.address(vring));
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_CALL, vring, true), call.writes()));
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_ERR, vring, true), error.writes()));
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, vring, true), kick.reads()));
            assertEquals(0, peer.ack(new Message.SetVringEnable(vring, 1)));
        }

        /** Sends a frame while the worker sleeps, and waits until its buffer is used. */
        void send() {
            for (boolean kicked = false; !kicked;) {
                Await.until(() -> guest.wantsKick(vring, packed));
                guest.add(driver, 1);
                kicked = driver.publish(); // else the worker was still awake
                if (kicked) {
                    kick.write();
                }
                PeerGuest.awaitUsed(driver, 1);
            }
        }

        void awaitCall() {
            Await.until(call::read);
        }

        @Override
        public void close() {
            kick.close();
            call.close();
            error.close();
        }
    }

    private TestPeer attached(final long features) throws IOException {
        final TestPeer peer = fixture.peer().negotiated(features);
        peer.send(TestPeer.table(), guest.fd());
        Memory.putLong(guest.ram.address() + 0x8_0000 + 12, -1); // a broadcast
        return peer;
    }

    @ParameterizedTest
    @CsvSource({"PIPE, false", "PIPE, true", "STREAM, false", "STREAM, true", "SEQPACKET, false", "SEQPACKET, true",
        "DATAGRAM, false", "DATAGRAM, true"})
    void framesFlowBothWaysWithoutDelays(final PipeEnds.Kind kind, final boolean packed) throws Exception {
        final long descriptors = OpenDescriptors.count();
        try (TestPeer peer = attached(features(packed));
             Ring receive = new Ring(peer, 0, kind, features(packed), 2 * FRAMES);
             Ring transmit = new Ring(peer, 1, kind, features(packed), 0);
             Frontend bystander = Frontend.connect(directory.resolve("b"))) {
            bystander.negotiate(features(packed));
            bystander.share(4 << 20);
            final QueuePair pair = bystander.addPair(256, 2048);
            bystander.start();
            for (int i = 0; i < FRAMES; i++) {
                transmit.send();
                transmit.awaitCall();
            }
            receive.call.fill(); // nobody reads, so that a write by the worker would block
            transmit.call.fill();
            for (int i = 0; i < FRAMES; i++) {
                send(pair, i);
                Await.until(() -> receive.driver.poll() >= 0);
                transmit.send();
            }
            empty(receive.call);
            empty(transmit.call);
            for (int i = 0; i < FRAMES; i++) {
                send(pair, i);
                Await.until(() -> receive.driver.poll() >= 0);
                receive.awaitCall();
                empty(transmit.call);
                transmit.send();
                transmit.awaitCall();
            }
            receive.kick.closeWrites();
            receive.call.closeReads();
            transmit.call.closeReads();
            for (int i = 0; i < FRAMES; i++) {
                transmit.send();
            }
            int received = 0;
            for (boolean more = true; more; received++) {
                more = pair.receiver().poll();
            }
            assertTrue(received > 4 * FRAMES);
            if (!packed) {
                guest.available(1, 30_000);
                transmit.kick.write();
                Await.until(transmit.error::read);
            }
        }
        fixture.awaitDetached();
        Await.until(() -> OpenDescriptors.count() <= descriptors);
    }

    private static void send(final QueuePair pair, final int number) {
        final byte[] frame = new byte[60];
        Arrays.fill(frame, 0, 6, (byte) -1);
        frame[6] = 2;
        frame[14] = (byte) number;
        assertTrue(pair.transmitter().transmit(frame));
        pair.transmitter().flush();
        Await.until(() -> {
            pair.transmitter().complete();
            return pair.transmitter().pending() == 0;
        });
    }

    private static void empty(final PipeEnds ends) {
        while (ends.read()) {
            Thread.onSpinWait();
        }
    }

    @ParameterizedTest
    @EnumSource(PipeEnds.Kind.class)
    void aSuspendedDeviceDoesNotNotifyAndAStoppingRingNotifiesFirst(final PipeEnds.Kind kind) throws Exception {
        try (TestPeer peer = attached(features(false)); Ring transmit = new Ring(peer, 1, kind, features(false), 0)) {
            transmit.send();
            assertEquals(0, peer.ack(new Message.Suspend()));
            empty(transmit.call);
            guest.add(transmit.driver, 1);
            transmit.driver.publish();
            transmit.kick.write();
            assertEquals(0, peer.ack(new Message.NetSetMtu(1400)));
            assertFalse(transmit.call.read());
            assertEquals(-1, transmit.driver.poll());
            assertEquals(0, peer.ack(new Message.Resume()));
            Await.until(() -> transmit.driver.poll() >= 0);
            transmit.awaitCall();
            empty(transmit.call);
            transmit.send();
            peer.reply(new Message.GetVringBase(1));
            assertTrue(transmit.call.read());
            transmit.call.closeWrites();
            transmit.kick.closeReads();
        }
    }

    @ParameterizedTest
    @CsvSource({"PIPE, false", "STREAM, true", "SEQPACKET, false", "DATAGRAM, true"})
    void aChangeOfTheLogIsSignalled(final PipeEnds.Kind kind, final boolean packed) throws Exception {
        final long features = features(packed) | Features.of(Features.LOG_ALL);
        final long bytes = (TestPeer.GUEST + (32 << 20)) / 4096 / 8;
        try (TestPeer peer = attached(features); MemFd log = MemFd.create("log", bytes);
             PipeEnds changed = PipeEnds.of(kind)) {
            peer.send(new Message.SetLogBase(bytes, 0), log.fd());
            peer.receive().close();
            assertEquals(0, peer.ack(new Message.SetLogFd(), changed.writes()));
            try (Ring receive = new Ring(peer, 0, kind, features, FRAMES);
                 Frontend sender = Frontend.connect(directory.resolve("b"))) {
                sender.negotiate(features(packed));
                sender.share(4 << 20);
                final QueuePair pair = sender.addPair(64, 2048);
                sender.start();
                for (int i = 0; i < FRAMES; i++) {
                    send(pair, i);
                    Await.until(() -> receive.driver.poll() >= 0);
                    Await.until(changed::read);
                }
            }
        }
    }

    @Test
    void otherDescriptorsAreRefusedAndClosed() throws Exception {
        final Path path = directory.resolve("listening");
        try (TestPeer peer = attached(features(false)); PipeEnds pipe = PipeEnds.of(PipeEnds.Kind.PIPE);
             AFUNIXServerSocket listening = AFUNIXServerSocket.newInstance()) {
            listening.bind(AFUNIXSocketAddress.of(path));
            final int fifo = PipeEnds.fifo(directory.resolve("fifo"));
            final List<Integer> refused = List.of(guest.fd(), PipeEnds.timer(), PipeEnds.inotify(),
                PipeEnds.epoll(), fifo,
                PipeEnds.open("/dev/ptmx"), PipeEnds.open("/dev/null"), PipeEnds.open("/dev/fuse"),
                PipeEnds.internetSocket(), number(listening.getFileDescriptor()));
            peer.number(new Message.GetFeatures());
            final long descriptors = OpenDescriptors.count();
            for (final Request request : DESCRIPTORS) {
                for (final int fd : refused) {
                    assertEquals(1, peer.ack(message(request), fd), () -> request + " " + Fd.target(fd));
                }
                final boolean kick = request == Request.SET_VRING_KICK;
                assertEquals(1, peer.ack(message(request), kick ? pipe.writes() : pipe.reads()), "the wrong end");
            }
            Await.until(() -> OpenDescriptors.count() <= descriptors);
            assertEquals(0, peer.ack(message(Request.SET_VRING_KICK), guest.event.fd()));
            refused.stream().filter(fd -> fd != guest.fd() && !fd.equals(refused.getLast())).forEach(Fd::close);
        }
    }

    private static int number(final FileDescriptor descriptor) throws IOException {
        return FileDescriptorCast.using(descriptor).as(Integer.class);
    }

    private static Message message(final Request request) {
        return request == Request.SET_LOG_FD ? new Message.SetLogFd() : new Message.SetVringFd(request, 1, true);
    }
}
