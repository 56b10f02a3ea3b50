package io.ringbridge.bench;

import io.ringbridge.bench.harness.PcapReader;
import io.ringbridge.bench.harness.PcapWriter;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.opentest4j.AssertionFailedError;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The comparison of files must detect every change that a switch could make to frames. */
class TrafficTest {
    private static final int FRAMES = 500;

    @TempDir
    private Path directory;
    private Path sent;
    private Path received;
    private List<byte[]> frames;

    @BeforeEach
    void write() throws IOException {
        sent = directory.resolve("sent.pcap");
        received = directory.resolve("received.pcap");
        Traffic.write(sent, FRAMES, "52:54:00:00:00:a0", "52:54:00:00:00:b0", 1);
        frames = new ArrayList<>();
        try (PcapReader reader = new PcapReader(sent)) {
            while (reader.next()) {
                frames.add(Arrays.copyOf(reader.frame(), reader.length()));
            }
        }
    }

    @Test
    void sizesAreMixed() {
        assertTrue(frames.size() == FRAMES && frames.stream().allMatch(frame -> frame.length >= 60
            && frame.length <= 1514));
        assertTrue(frames.stream().mapToInt(frame -> frame.length).distinct().count() > FRAMES / 4);
    }

    @Test
    void equalFilesAreEqual() throws IOException {
        receive(frames);
        assertDoesNotThrow(() -> Traffic.assertSame(sent, received));
    }

    @Test
    void aMissingFrameIsDetected() throws IOException {
        frames.remove(FRAMES / 2);
        assertDifferent();
    }

    @Test
    void aMissingLastFrameIsDetected() throws IOException {
        frames.removeLast();
        assertDifferent();
    }

    @Test
    void anAdditionalFrameIsDetected() throws IOException {
        frames.add(frames.getLast());
        assertDifferent();
    }

    @Test
    void aDifferentOrderIsDetected() throws IOException {
        Collections.swap(frames, 10, 11);
        assertDifferent();
    }

    @Test
    void aChangedByteIsDetected() throws IOException {
        final byte[] frame = frames.get(7);
        frame[frame.length - 1] ^= 1;
        assertDifferent();
    }

    @Test
    void aTruncatedFrameIsDetected() throws IOException {
        final byte[] frame = frames.get(7);
        frames.set(7, Arrays.copyOf(frame, frame.length - 1));
        assertDifferent();
    }

    private void assertDifferent() throws IOException {
        receive(frames);
        assertThrows(AssertionFailedError.class, () -> Traffic.assertSame(sent, received));
    }

    private void receive(final List<byte[]> what) throws IOException {
        try (PcapWriter writer = new PcapWriter(received)) {
            for (final byte[] frame : what) {
                writer.write(frame, frame.length);
            }
        }
    }
}
