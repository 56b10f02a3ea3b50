package io.ringbridge.bench;

import io.ringbridge.bench.harness.HarnessException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;

/** A bridge with its ports, and what has come out of them. Every frame has a number, by which its copies are known. */
final class BridgeUnderTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int EXPERIMENT = 0x88B5;
    private static final Set<Integer> TAGS = Set.of(0x8100, 0x88A8);

    private final String name;
    private final List<? extends BridgeEnd> ends;
    /** By number and port; copies of the same frame at the same port one behind the other. */
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

    /** Waits until copies of a frame have come out at these ports. */
    void await(final int number, final Set<Integer> ports) {
        final long start = System.nanoTime();
        while (!seen(number).keySet().containsAll(ports)) {
            poll();
            if (System.nanoTime() - start > LIMIT.toNanos()) {
                throw new HarnessException(name + ": frame " + number + " came out at " + seen(number).keySet() + ", not at " + ports);
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

    /** What has come out of a frame, by port. */
    Map<Integer, String> seen(final int number) {
        return seen.getOrDefault(number, Map.of());
    }

    /** How many frames have come out at a port, others' among them. */
    int received(final int port) {
        poll();
        return received[port];
    }

    /** The number of a frame that was made for this; -1 for another, which a kernel may send of its own accord. */
    private static int number(final byte[] frame) {
        final ByteBuffer bytes = ByteBuffer.wrap(frame);
        int at = 12;
        while (at + 6 <= frame.length && TAGS.contains(bytes.getShort(at) & 0xFFFF)) {
            at += 4;
        }
        return at + 6 <= frame.length && (bytes.getShort(at) & 0xFFFF) == EXPERIMENT ? bytes.getInt(at + 2) : -1;
    }

    /** Makes a frame with a number. */
    static byte[] frame(final byte[] destination, final byte[] source, final byte[] tags, final int number, final int payload) {
        final ByteBuffer frame = ByteBuffer.allocate(12 + tags.length + 6 + payload).put(destination).put(source).put(tags)
            .putShort((short) EXPERIMENT).putInt(number);
        for (int i = 0; frame.hasRemaining(); i++) {
            frame.put((byte) (number + i));
        }
        return frame.array();
    }
}
