package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.worker.Datapath;
import io.ringbridge.datapath.worker.DatapathOptions;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertEquals;

class SessionTest {
    @TempDir
    Path directory;

    @Test
    void smoke() throws Exception {
        final Path socket = directory.resolve("a.sock");
        try (Datapath datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace)) {
            final GuestPort port = datapath.addGuestPort("a", 2, 1500);
            try (Backend _ = Backend.start(port, BackendOptions.server(socket))) {
                for (int i = 0; i < 3; i++) {
                    try (TestPeer peer = new TestPeer(socket); var memory = TestPeer.memory()) {
                        final long offered = peer.number(new Message.GetFeatures());
                        peer.negotiated(offered);
                        assertEquals(4, peer.number(new Message.GetQueueNum()));
                        assertEquals(0, peer.ack(TestPeer.table(), memory.fd()));
                        assertEquals(1, peer.ack(new Message.SetVringNum(0, 3)));
                        assertEquals(offered, peer.number(new Message.GetFeatures()));
                    }
                }
            }
        }
    }
}
