package io.ringbridge.bench;

import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.SwitchProcess;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.ring.Features;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A guest in this process on a port of a switch. It answers ARP and ping like a host with an address in 10.78.0.0/24.
 */
final class Station implements AutoCloseable {
    /** The default features, and those with which the switch segments packets. */
    static final long FEATURES = Frontend.DEFAULT_FEATURES | Features.of(Features.CSUM, Features.HOST_TSO4,
        Features.HOST_TSO6);

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final int ARP = 0x0806;
    private static final int IPV4 = 0x0800;
    private static final int EXPERIMENT = 0x88B5;

    private final Guest guest;
    private final QueuePair queues;
    private final byte[] mac;
    private final byte[] address;

    /** Attaches a station to a port. The last byte of its addresses is {@code number}. */
    Station(final SwitchProcess ringbridge, final String port, final int number) throws IOException {
        mac = new byte[] {0x52, 0x54, 0, 0, 0, (byte) number};
        address = new byte[] {10, 78, 0, (byte) number};
        guest = Guest.attach(ringbridge.socket(port), FEATURES, 1, new QueueShape(256, 65_600),
            new QueueShape(256, 9200));
        queues = guest.queues();
    }

    byte[] mac() {
        return mac.clone();
    }

    /**
     * Checks that this station answers pings from a namespace. Each has that many bytes after the headers, and must not
     * be fragmented.
     */
    void assertAnswers(final NetworkNamespace from, final int payload) {
        try (Program ping = from.start("ping", "-c", "5", "-i", "0.2", "-W", "5", "-M", "do", "-s",
            Integer.toString(payload),
                "10.78.0." + mac[5])) {
            Await.until("ping to end", LIMIT, () -> {
                answer();
                return !ping.isAlive();
            });
            assertEquals(0, ping.awaitExit(LIMIT), () -> ping.output().tail());
            assertTrue(ping.output().tail().contains("5 received"), ping.output().tail());
        }
    }

    /** Answers requests while a condition holds. */
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

    /** Returns the reply to an ARP request or an echo request for this station, or null for other frames. */
    private byte[] reply(final byte[] frame) {
        final ByteBuffer bytes = ByteBuffer.wrap(frame);
        final int type = bytes.getShort(12) & 0xFFFF;
        final byte[] sender = Arrays.copyOfRange(frame, 6, 12);
        if (type == ARP && bytes.getShort(20) == 1 && Arrays.equals(frame, 38, 42, address, 0, 4)) {
            final byte[] senderAddress = Arrays.copyOfRange(frame, 28, 32);
            bytes.putShort(20, (short) 2).put(22, mac).put(28, address).put(32, sender).put(38, senderAddress);
        } else if (type == IPV4 && Arrays.equals(frame, 30, 34, address, 0, 4) && frame[23] == 1 && frame[34] == 8) {
            final byte[] from = Arrays.copyOfRange(frame, 26, 30);
            bytes.put(26, address).put(30, from).put(34, (byte) 0);
            final int sum = (bytes.getShort(36) & 0xFFFF)
                + 0x0800; // an echo reply is the request with a type lower by 8
            bytes.putShort(36, (short) (sum + (sum >>> 16)));
        } else {
            return null;
        }
        bytes.put(0, sender).put(6, mac);
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

    /** Checks that a frame of that many bytes arrives unchanged at another station. */
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
                final byte[] received = other.queues.receiver().frame();
                found = (ByteBuffer.wrap(received).getShort(12) & 0xFFFF) == EXPERIMENT;
                if (found) {
                    assertArrayEquals(frame.array(), received);
                }
            }
            other.queues.receiver().flush();
            return found;
        });
    }

    @Override
    public void close() {
        guest.close();
    }
}
