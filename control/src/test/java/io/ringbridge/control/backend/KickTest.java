package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.os.Epoll;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests kicks of a driver whose worker sleeps between them, and calls that the driver does not read. */
@Timeout(60)
class KickTest {
    private static final int VRING = 1;
    private static final int SIZE = 64;

    @TempDir
    Path directory;

    /**
     * A kick left in the descriptor would end every sleep at once, and QEMU would serve the ring once the switch has
     * exited.
     */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aKickIsReadFromItsDescriptor(final boolean packed) throws Exception {
        final EventFd kick = EventFd.create();
        final EventFd call = EventFd.create();
        try (Epoll kicked = Epoll.create()) {
            kicked.add(kick);
            sendFrames(packed, kick, call, () -> !kicked.await(0));
        } finally {
            kick.close();
            call.close();
        }
    }

    /** A blocking write to such a descriptor would delay the worker, and all its ports, until the front-end reads. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aBlockingFullCallDescriptorDelaysNothing(final boolean packed) throws Throwable {
        final EventFd kick = EventFd.create();
        final EventFd call = EventFd.create();
        try {
            fill(call.fd());
            sendFrames(packed, kick, call, () -> true);
            assertTrue(call.drain());
            sendFrames(packed, kick, call, call::drain);
        } finally {
            kick.close();
            call.close();
        }
    }

    private void sendFrames(final boolean packed, final EventFd kick, final EventFd call, final BooleanSupplier done)
        throws Exception {
        final long features = PeerGuest.features(packed);
        try (SwitchFixture fixture = new SwitchFixture(directory.resolve("s")); PeerGuest guest = new PeerGuest();
             TestPeer peer = fixture.peer().negotiated(features)) {
            peer.send(TestPeer.table(), guest.fd());
            peer.send(new Message.SetVringNum(VRING, SIZE));
            peer.send(new Message.SetVringBase(VRING, DriverRing.freshBase(features)));
            peer.send(TestPeer.address(VRING));
            peer.send(new Message.SetVringFd(Request.SET_VRING_CALL, VRING, true), call.fd());
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, VRING, true), kick.fd());
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
            Fd.setBlocking(call.fd()); // the open file is shared, so the switch's descriptor blocks as well
            final DriverRing driver = guest.driver(VRING, SIZE, features);
            driver.wantNotification(true);
            for (int kicks = 0; kicks < 20;) {
                Await.until(() -> guest.wantsKick(VRING, packed));
                guest.add(driver, 1);
                if (driver.publish()) { // else the worker was still awake
                    kick.signal();
                    kicks++;
                }
                PeerGuest.awaitUsed(driver, 1);
                Await.until(done);
            }
        }
    }

    private static void fill(final int eventfd) throws Throwable {
        final Linker linker = Linker.nativeLinker();
        final MethodHandle write = linker.downcallHandle(linker.defaultLookup().findOrThrow("write"),
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
        try (Arena arena = Arena.ofConfined()) {
            assertEquals(Long.BYTES,
                (long) write.invokeExact(eventfd, arena.allocateFrom(JAVA_LONG, -2), (long) Long.BYTES));
        }
    }
}
