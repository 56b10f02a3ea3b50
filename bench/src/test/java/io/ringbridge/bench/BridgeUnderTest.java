package io.ringbridge.bench;

import io.ringbridge.bench.machine.BenchException;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;

/** A bridge with its ports, and the frames received from them. A number in every frame identifies its copies. */
final class BridgeUnderTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int EXPERIMENT = 0x88B5;
    private static final Set<Integer> TAGS = Set.of(0x8100, 0x88A8);

    private final String name;
    private final List<? extends BridgeEnd> ends;
    /** Received frames by number and port. Several copies of a frame at the same port are concatenated. */
    private final Map<Integer, Map<Integer, String>> seen = new TreeMap<>();
    private final int[] received;

    BridgeUnderTest(final String name, final List<? extends BridgeEnd> ends) {
        this.name = name;
        this.ends = ends;
        received = new int[ends.size()];
    }

    void send(final int port, final byte[] frame) {
        ends.get(port).send(frame);
    }

    /** Waits until a frame has been received from all these ports. */
    void await(final int number, final Set<Integer> ports) {
        final long start = System.nanoTime();
        while (!seen(number).keySet().containsAll(ports)) {
            poll();
            if (System.nanoTime() - start > LIMIT.toNanos()) {
                throw new BenchException(name + ": frame " + number + " was received from " + seen(number).keySet()
                    + ", expected " + ports);
            }
            LockSupport.parkNanos(100_000);
        }
    }

    private void poll() {
        for (int port = 0; port < ends.size(); port++) {
            for (byte[] frame = ends.get(port).receive(); frame != null; frame = ends.get(port).receive()) {
                received[port]++;
                final int number = number(frame);
                if (number >= 0) {
                    seen.computeIfAbsent(number, _ -> new TreeMap<>()).merge(port, HexFormat.of().formatHex(frame),
                        (one, other) -> one + " and " + other);
                }
            }
        }
    }

    /** Returns the received copies of a frame, by port. */
    Map<Integer, String> seen(final int number) {
        return seen.getOrDefault(number, Map.of());
    }

    /** Returns the number of frames received from a port, including frames that the test did not send. */
    int received(final int port) {
        poll();
        return received[port];
    }

    /**
     * Returns the number of a frame, or -1 for a frame that the test did not send. A kernel may send frames by itself.
     */
    private static int number(final byte[] frame) {
        final ByteBuffer bytes = ByteBuffer.wrap(frame);
        int at = 12;
        while (at + 6 <= frame.length && TAGS.contains(bytes.getShort(at) & 0xFFFF)) {
            at += 4;
        }
        return at + 6 <= frame.length && (bytes.getShort(at) & 0xFFFF) == EXPERIMENT ? bytes.getInt(at + 2) : -1;
    }

    /** Builds a frame with a number. */
    static byte[] frame(final byte[] destination, final byte[] source, final byte[] tags, final int number,
        final int payload) {
        final ByteBuffer frame = ByteBuffer.allocate(12 + tags.length + 6 + payload).put(destination).put(source)
            .put(tags)
            .putShort((short) EXPERIMENT).putInt(number);
        for (int i = 0; frame.hasRemaining(); i++) {
            frame.put((byte) (number + i));
        }
        return frame.array();
    }
}
