package io.ringbridge.control.backend;

import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.QueuePair;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.datapath.bridge.MacAddress;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.worker.Datapath;
import io.ringbridge.datapath.worker.DatapathOptions;
import io.ringbridge.datapath.worker.PollMode;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** SEND_RARP, with workers that run. */
class AnnouncementTest {
    private static final byte[] STATION = {0x52, 0x54, 0, 0, 0, 9};
    private static final long ADDRESS = MacAddress.parse("52:54:00:00:00:09");

    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void aStationIsAnnouncedBeforeAnythingIsSetUp(final int workers) throws Exception {
        final DatapathOptions options = new DatapathOptions(workers, List.of(), PollMode.ADAPTIVE, 1024, Duration.ofMinutes(5));
        try (Datapath datapath = Datapath.start(options, Throwable::printStackTrace)) {
            final GuestPort silent = datapath.addGuestPort("silent", 1, 1500);
            final GuestPort hearing = datapath.addGuestPort("hearing", 1, 1500);
            try (Backend _ = Backend.start(silent, BackendOptions.server(directory.resolve("silent")));
                 Backend _ = Backend.start(hearing, BackendOptions.server(directory.resolve("hearing")));
                 Frontend frontend = Frontend.connect(directory.resolve("hearing"));
                 TestPeer peer = new TestPeer(directory.resolve("silent"))) {
                frontend.negotiate(Frontend.DEFAULT_FEATURES);
                frontend.share(8 << 20);
                final QueuePair pair = frontend.addPair(256, 2048);
                frontend.start();
                for (int i = 0; i < 5; i++) {
                    peer.send(new Message.SendRarp(ADDRESS));
                }
                while (!pair.receiver().poll()) {
                    Thread.onSpinWait();
                }
                final byte[] frame = pair.receiver().frame();
                assertEquals(60, frame.length);
                assertArrayEquals(STATION, Arrays.copyOfRange(frame, 6, 12));
                assertArrayEquals(STATION, Arrays.copyOfRange(frame, 22, 28));
                assertArrayEquals(STATION, Arrays.copyOfRange(frame, 32, 38));
                assertEquals(silent.index(), datapath.stations().getFirst().port());
            }
        }
    }
}
