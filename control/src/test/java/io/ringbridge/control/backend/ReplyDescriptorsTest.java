package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Tests that the descriptors of replies are closed, whether the front-end receives the reply or not. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ReplyDescriptorsTest {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES);
    private static final int TIMES = 50;
    private static final Message AREA = new Message.InflightFd(Request.GET_INFLIGHT_FD, 0, 0, 2, 256);

    @TempDir
    private Path directory;

    private static void ask(final SwitchFixture fixture, final boolean reads) throws IOException {
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            peer.send(AREA);
            if (reads) {
                try (Packet reply = peer.receive()) {
                    assertEquals(1, reply.descriptors().count());
                }
            }
        }
        fixture.awaitDetached();
    }

    @Test
    void noDescriptorOfAReplyStaysOpen() throws Exception {
        try (SwitchFixture fixture = new SwitchFixture(directory.resolve("s"))) {
            ask(fixture, true); // lets libraries open their own descriptors first
            final long before = OpenDescriptors.count();
            for (int i = 0; i < TIMES; i++) {
                ask(fixture, i % 2 == 0); // a front-end that does not read may have hung up before the reply
            }
            Await.until(() -> OpenDescriptors.count() <= before);
        }
    }
}
