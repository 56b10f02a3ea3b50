package io.ringbridge.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringbridge.bench.harness.Await;
import io.ringbridge.bench.harness.Program;
import io.ringbridge.bench.harness.SwitchProcess;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.QueuePair;
import io.ringbridge.control.frontend.QueueShape;
import io.ringbridge.datapath.ring.Features;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** A guest of this process on a port of a switch, which answers ARP and ping as a host with an address in 10.78.0.0/24 does. */
final class Station implements AutoCloseable {
    /** Packets may be left to the switch to cut. */
    static final long FEATURES = Frontend.DEFAULT_FEATURES | Features.of(Features.CSUM, Features.HOST_TSO4, Features.HOST_TSO6);

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final int ARP = 0x0806;
    private static final int IPV4 = 0x0800;
    private static final int EXPERIMENT = 0x88B5;

    private final Frontend frontend;
    private final QueuePair queues;
    private final byte[] mac;
    private final byte[] address;

    /** Attaches to a port; the last byte of its addresses is {@code number}. */
    Station(final SwitchProcess ringbridge, final String port, final int number) throws IOException {
        mac = new byte[] {0x52, 0x54, 0, 0, 0, (byte) number};
        address = new byte[] {10, 78, 0, (byte) number};
        frontend = Frontend.connect(ringbridge.socket(port));
        frontend.negotiate(FEATURES);
        frontend.share(64 << 20);
        queues = frontend.addPair(new QueueShape(256, 65_600), new QueueShape(256, 9200));
        frontend.start();
    }

    byte[] mac() {
        return mac.clone();
    }

    /** The kernel of a namespace pings it, with packets of so many bytes behind the IP and ICMP headers, which may not be fragmented. */
    void assertAnswers(final NetworkNamespace from, final int payload) {
        try (Program ping = from.start("ping", "-c", "5", "-i", "0.2", "-W", "5", "-M", "do", "-s", Integer.toString(payload),
                "10.78.0." + mac[5])) {
            Await.until("ping to end", LIMIT, () -> {
                answer();
                return !ping.isAlive();
            });
            assertEquals(0, ping.awaitExit(LIMIT), () -> ping.output().tail());
            assertTrue(ping.output().tail().contains("5 received"), ping.output().tail());
        }
    }

    /** Answers for as long as a condition holds. */
    void answerWhile(final BooleanSupplier condition) {
        while (condition.getAsBoolean()) {
            answer();
            LockSupport.parkNanos(100_000);
        }
    }

    private void answer() {
        while (queues.receiver().poll()) {
            final byte[] reply = reply(queues.receiver().frame());
            if (reply != null) {
                send(reply);
            }
        }
        queues.receiver().flush();
    }

    /** The answer to an ARP request or an echo request for this station, or null. */
    private byte[] reply(final byte[] frame) {
        final ByteBuffer bytes = ByteBuffer.wrap(frame);
        final int type = bytes.getShort(12) & 0xFFFF;
        final byte[] asker = Arrays.copyOfRange(frame, 6, 12);
        if (type == ARP && bytes.getShort(20) == 1 && Arrays.equals(frame, 38, 42, address, 0, 4)) {
            final byte[] askerAddress = Arrays.copyOfRange(frame, 28, 32);
            bytes.putShort(20, (short) 2).put(22, mac).put(28, address).put(32, asker).put(38, askerAddress);
        } else if (type == IPV4 && Arrays.equals(frame, 30, 34, address, 0, 4) && frame[23] == 1 && frame[34] == 8) {
            final byte[] from = Arrays.copyOfRange(frame, 26, 30);
            bytes.put(26, address).put(30, from).put(34, (byte) 0);
            final int sum = (bytes.getShort(36) & 0xFFFF) + 0x0800; // an echo reply is a request whose type is eight less
            bytes.putShort(36, (short) (sum + (sum >>> 16)));
        } else {
            return null;
        }
        bytes.put(0, asker).put(6, mac);
        return frame;
    }

    private void send(final byte[] frame) {
        queues.transmitter().complete();
        assertTrue(queues.transmitter().transmit(frame));
    }

    /** Sends a frame with this virtio-net header. */
    void send(final byte[] header, final byte[] frame) {
        queues.transmitter().complete();
        assertTrue(queues.transmitter().transmit(header, frame));
    }

    /** A frame of so many bytes to another station arrives there as it was sent. */
    void assertReaches(final Station other, final int length) {
        final ByteBuffer frame = ByteBuffer.allocate(length).put(other.mac).put(mac).putShort((short) EXPERIMENT)
            .putLong(System.nanoTime());
        for (int i = frame.position(); i < length; i++) {
            frame.put(i, (byte) i);
        }
        send(frame.array());
        Await.until("a frame of " + length + " bytes at station " + other.mac[5], LIMIT, () -> {
            boolean found = false;
            while (!found && other.queues.receiver().poll()) {
                final byte[] got = other.queues.receiver().frame();
                found = (ByteBuffer.wrap(got).getShort(12) & 0xFFFF) == EXPERIMENT;
                if (found) {
                    assertArrayEquals(frame.array(), got);
                }
            }
            other.queues.receiver().flush();
            return found;
        });
    }

    @Override
    public void close() {
        frontend.close();
    }
}
