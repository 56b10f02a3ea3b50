package io.ringbridge.control.backend;

import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

/** Tests SEND_RARP and the announcements that a port makes without it, with running workers. */
@Timeout(60)
class AnnouncementTest {
    private static final byte[] STATION = {0x52, 0x54, 0, 0, 0, 9};
    private static final long ADDRESS = MacAddress.parse("52:54:00:00:00:09");

    @TempDir
    Path directory;

    private static void assertAnnouncement(final QueuePair pair) {
        while (!pair.receiver().poll()) {
            Thread.onSpinWait();
        }
        final byte[] frame = pair.receiver().frame();
        assertEquals(60, frame.length);
        assertArrayEquals(STATION, Arrays.copyOfRange(frame, 6, 12));
        assertArrayEquals(STATION, Arrays.copyOfRange(frame, 22, 28));
        assertArrayEquals(STATION, Arrays.copyOfRange(frame, 32, 38));
    }

    private Guest guest(final String port) throws IOException {
        return Guest.attach(directory.resolve(port), Frontend.DEFAULT_FEATURES, new QueueShape(256, 2048));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void aStationIsAnnouncedBeforeTheDeviceIsSetUp(final int workers) throws Exception {
        final DatapathOptions options = new DatapathOptions(workers, List.of(), PollMode.ADAPTIVE, 1024,
            Duration.ofMinutes(5));
        try (Datapath datapath = Datapath.start(options, Throwable::printStackTrace)) {
            final GuestPort silent = datapath.addGuestPort("silent", 1, 1500);
            final GuestPort listener = datapath.addGuestPort("listener", 1, 1500);
            try (Backend _ = Backend.open(silent, BackendOptions.server(directory.resolve("silent")));
                 Backend _ = Backend.open(listener, BackendOptions.server(directory.resolve("listener")));
                 Guest guest = guest("listener");
                 TestPeer peer = new TestPeer(directory.resolve("silent"))) {
                final QueuePair pair = guest.queues();
                for (int i = 0; i < 5; i++) {
                    peer.send(new Message.SendRarp(ADDRESS));
                }
                assertAnnouncement(pair);
                assertEquals(silent.index(), datapath.stations().getFirst().port());
            }
        }
    }

    private static void assertSilence(final Guest other, final QueuePair pair) throws IOException {
        other.frontend().query(new Message.GetQueueNum());
        assertFalse(pair.receiver().poll());
    }

    @Test
    void theAddressOfASuspendedPortIsAnnouncedOnResume() throws Exception {
        try (Datapath datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace)) {
            final GuestPort known = datapath.addGuestPort("known", 1, 1500);
            final GuestPort listener = datapath.addGuestPort("listener", 1, 1500);
            try (Backend _ = Backend.open(known, BackendOptions.server(directory.resolve("known")).withMac(ADDRESS));
                 Backend _ = Backend.open(listener, BackendOptions.server(directory.resolve("listener")));
                 Guest guest = guest("listener")) {
                final QueuePair pair = guest.queues();
                for (int i = 0; i < 3; i++) {
                    known.suspend(SuspendCause.OPERATOR);
                    try (Guest arriving = guest("known")) {
                        arriving.frontend().suspend();
                        assertSilence(arriving, pair);
                        if (i == 1) {
                            arriving.frontend().stop();
                            known.resume(SuspendCause.OPERATOR);
                            arriving.frontend().resume();
                            assertSilence(arriving, pair);
                            arriving.frontend().start();
                        } else {
                            known.resume(SuspendCause.OPERATOR);
                            assertSilence(arriving, pair);
                            arriving.frontend().resume();
                        }
                        assertAnnouncement(pair);
                        arriving.frontend().suspend();
                        arriving.frontend().resume();
                        assertSilence(arriving, pair);
                        arriving.frontend().stop();
                        arriving.frontend().suspend();
                        arriving.frontend().start();
                        assertSilence(arriving, pair);
                    }
                    Await.until(() -> known.state() == PortState.WAITING);
                    assertFalse(pair.receiver().poll(), "a guest that has left is not announced");
                }
                known.suspend(SuspendCause.OPERATOR);
                try (Guest _ = guest("known")) {
                    known.resume(SuspendCause.OPERATOR);
                    assertAnnouncement(pair);
                }
            }
        }
    }

    @Test
    void thePortsOwnAddressIsAnnouncedOncePerConnection() throws Exception {
        try (Datapath datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace)) {
            final GuestPort known = datapath.addGuestPort("known", 1, 1500);
            final GuestPort listener = datapath.addGuestPort("listener", 1, 1500);
            try (Backend _ = Backend.open(known, BackendOptions.server(directory.resolve("known")).withMac(ADDRESS));
                 Backend _ = Backend.open(listener, BackendOptions.server(directory.resolve("listener")));
                 Guest guest = guest("listener")) {
                final QueuePair pair = guest.queues();
                for (int i = 0; i < 2; i++) {
                    try (Guest arriving = guest("known")) {
                        final QueuePair own = arriving.queues();
                        assertAnnouncement(pair);
                        assertEquals(known.index(), datapath.stations().getFirst().port());
                        arriving.frontend().enable(own, false);
                        arriving.frontend().enable(own, true);
                        arriving.frontend().query(new Message.GetQueueNum());
                        assertFalse(pair.receiver().poll());
                    }
                    Await.until(() -> known.state() == PortState.WAITING);
                }
            }
        }
    }
}
