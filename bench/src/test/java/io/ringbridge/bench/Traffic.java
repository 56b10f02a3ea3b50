package io.ringbridge.bench;

import io.ringbridge.bench.harness.PcapReader;
import io.ringbridge.bench.harness.PcapWriter;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.fail;

/** Writes numbered frames of mixed sizes with random payload to a file, and compares files. */
final class Traffic {
    private static final int SMALLEST = 60;
    private static final int LARGEST = 1514;
    private static final int ADDRESSES = 12;
    private static final short EXPERIMENTAL_ETHERTYPE = (short) 0x88b5;

    private Traffic() {
    }

    /**
     * Writes frames of all sizes. Small frames are the most frequent, so that a million frames take half a gigabyte.
     */
    static void write(final Path file, final int frames, final String source, final String destination, final long seed)
        throws IOException {
        final SplittableRandom random = new SplittableRandom(seed);
        final byte[] frame = new byte[LARGEST];
        final ByteBuffer fields = ByteBuffer.wrap(frame);
        fields.put(address(destination)).put(address(source)).putShort(EXPERIMENTAL_ETHERTYPE);
        final int payload = ADDRESSES + Short.BYTES + Integer.BYTES;
        try (PcapWriter writer = new PcapWriter(file)) {
            for (int i = 0; i < frames; i++) {
                final double skew = Math.pow(random.nextDouble(), 3);
                final int length = SMALLEST + (int) ((LARGEST - SMALLEST + 1) * skew);
                fields.putInt(ADDRESSES + Short.BYTES, i);
                for (int at = payload; at < length; at += Long.BYTES) {
                    if (at + Long.BYTES <= length) {
                        fields.putLong(at, random.nextLong());
                    } else {
                        final byte[] rest = new byte[length - at];
                        random.nextBytes(rest);
                        fields.put(at, rest);
                    }
                }
                writer.write(frame, length);
            }
        }
    }

    private static byte[] address(final String mac) {
        return HexFormat.ofDelimiter(":").parseHex(mac);
    }

    /** Fails unless both files contain exactly the same frames in the same order. */
    static void assertSame(final Path sent, final Path received) throws IOException {
        try (PcapReader expected = new PcapReader(sent); PcapReader actual = new PcapReader(received)) {
            for (long i = 0; expected.next(); i++) {
                if (!actual.next()) {
                    fail("only the first " + i + " frames were received");
                }
                if (!Arrays.equals(expected.frame(), 0, expected.length(), actual.frame(), 0, actual.length())) {
                    fail("frame " + i + " was sent as\n" + hex(expected) + "\nand received as\n" + hex(actual));
                }
            }
            if (actual.next()) {
                fail("more frames were received than sent; the first of them is\n" + hex(actual));
            }
        }
    }

    private static String hex(final PcapReader frame) {
        return frame.length() + " bytes: " + HexFormat.of().formatHex(frame.frame(), 0, frame.length());
    }
}
