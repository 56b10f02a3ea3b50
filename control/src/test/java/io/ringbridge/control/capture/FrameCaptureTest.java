package io.ringbridge.control.capture;

import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.PcapngReader;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Captures of guests' frames as pcapng, read back by the test's own reader and by tshark if it is installed. */
@Timeout(60)
class FrameCaptureTest {
    private static final int ALL = 65553;
    private static final long NANOS_PER_SECOND = 1_000_000_000;

    private final Datapath datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
    private final TestGuest a = TestGuest.up(datapath.addGuestPort("vm1", 1, 1500));
    private final TestGuest b = TestGuest.up(datapath.addGuestPort("vm2", 1, 1500));

    @TempDir
    private Path dir;

    @AfterEach
    void close() {
        a.close();
        b.close();
        datapath.close();
    }

    private FrameCapture capture(final String filter, final int snapLength, final long count) {
        return FrameCapture.begin(datapath, a.port, new CaptureOptions(true, true, filter, snapLength, count));
    }

    /** Sends a frame, and waits until the switch has returned its buffer. */
    private static void send(final TestGuest from, final byte[] frame) {
        final long mark = from.mark();
        from.send(frame);
        from.transmit.getFirst().kick.signal();
        Await.until(() -> from.reap() > 0);
        from.release(mark);
    }

    private static List<byte[]> receive(final TestGuest guest, final int count) {
        final List<byte[]> frames = new ArrayList<>();
        Await.until(() -> {
            frames.addAll(guest.received());
            return frames.size() >= count;
        });
        return frames;
    }

    private static <T> FutureTask<T> start(final Callable<T> action) {
        final FutureTask<T> task = new FutureTask<>(action);
        Thread.ofVirtual().start(task);
        return task;
    }

    private static byte[] stream(final FrameCapture capture) throws IOException, InterruptedException {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        capture.stream(out, () -> false);
        return out.toByteArray();
    }

    private static List<String> strings(final PcapngReader file) {
        return file.packets.stream().map(PcapngReader.Packet::toString).toList();
    }

    @Test
    void everyFrameIsInTheStreamWithItsDirectionAndVerdict() throws Exception {
        final Instant before = Instant.now();
        final List<byte[]> frames = List.of(Frames.broadcast(1, 60), Frames.ethernet(1, 2, 61),
            Frames.ethernet(2, 1, 1514), Frames.ethernet(1, 1, 63), Frames.ethernet(1, 2, 1000));
        final List<TestGuest> senders = List.of(a, b, a, a, b);
        try (FrameCapture capture = capture(null, ALL, frames.size())) {
            for (int i = 0; i < frames.size(); i++) {
                send(senders.get(i), frames.get(i));
            }
            final byte[] bytes = stream(capture);
            final PcapngReader file = new PcapngReader(bytes);
            assertEquals(List.of("in 60: flooded", "out 61: delivered", "in 1514: to vm2",
                "in 63: dropped: same-port", "out 1000: delivered"), strings(file));
            assertEquals("vm1", file.port);
            long last = before.getEpochSecond() * NANOS_PER_SECOND + before.getNano();
            for (int i = 0; i < frames.size(); i++) {
                assertArrayEquals(frames.get(i), file.packets.get(i).bytes);
                assertTrue(file.packets.get(i).nanos >= last, "times never go back");
                last = file.packets.get(i).nanos;
            }
            final Instant after = Instant.now();
            assertTrue(last <= after.getEpochSecond() * NANOS_PER_SECOND + after.getNano(), "and are those of now");
            assertEquals(List.of(5L, 0L, 5L), List.of(file.received, file.lost, file.accepted));
            checkWithTshark(bytes, file);
        }
    }

    private void checkWithTshark(final byte[] bytes, final PcapngReader file) throws Exception {
        if (!Files.isExecutable(Path.of("/usr/bin/tshark"))) {
            return;
        }
        final Path capture = Files.write(dir.resolve("capture.pcapng"), bytes);
        final Process tshark = new ProcessBuilder("tshark", "-r", capture.toString(), "-T", "fields",
            "-e", "frame.interface_name", "-e", "frame.packet_flags_direction", "-e", "frame.len",
            "-e", "frame.comment", "-e", "frame.time_epoch").redirectError(dir.resolve("errors").toFile()).start();
        final List<String> lines =
            new String(tshark.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        assertEquals(0, tshark.waitFor(), Files.readString(dir.resolve("errors")));
        assertEquals(file.packets.stream().map(packet -> String.format("%s\t0x%08x\t%d\t%s\t%d.%09d", file.port,
            packet.direction, packet.length, packet.comment, packet.nanos / NANOS_PER_SECOND,
            packet.nanos % NANOS_PER_SECOND)).toList(), lines);
    }

    /** The filter looks at bytes beyond those that are written. */
    @Test
    void aFilterSelectsFramesAndTheSnapLengthCutsThem() throws Exception {
        final byte[] wanted = Frames.ethernet(2, 1, 200);
        wanted[150] = 77;
        final byte[] other = wanted.clone();
        other[150] = 78;
        try (FrameCapture capture = capture("ether[150] = 77", 20, 2)) {
            for (final byte[] frame : List.of(other, wanted, Frames.ethernet(2, 1, 100), other, wanted)) {
                send(a, frame);
            }
            final PcapngReader file = new PcapngReader(stream(capture));
            assertEquals(List.of("in 200: flooded", "in 200: flooded"), strings(file));
            assertArrayEquals(Arrays.copyOf(wanted, 20), file.packets.getFirst().bytes);
            assertEquals(20, file.snapLength);
            assertEquals("ether[150] = 77", file.filter);
            assertEquals(List.of(5L, 0L, 2L), List.of(file.received, file.lost, file.accepted));
        }
    }

    @ParameterizedTest
    @CsvSource({"tcp prt 80, syntax error", "ether[, syntax error", "host, syntax error",
        "port 99999, illegal port number", "ip and arp, rejects all packets"})
    void anInvalidFilterIsRefusedInLibpcapsWords(final String filter, final String why) {
        final String message =
            assertThrows(IllegalArgumentException.class, () -> capture(filter, ALL, 1).close()).getMessage();
        assertTrue(message.contains(why), message);
        assertFalse(message.contains("\n"), message);
        assertEquals(0, a.port.inCaptures().length + a.port.outCaptures().length);
    }

    /** A client that stops reading blocks the stream, but neither the captured port nor the others. */
    @Test
    void aStoppedReaderLosesFramesAndForwardingLosesNone() throws Exception {
        send(b, Frames.broadcast(2, 60));
        receive(a, 1);
        final CountDownLatch resumed = new CountDownLatch(1);
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        final OutputStream stopped = new OutputStream() {
            @Override
            public void write(final int one) {
                out.write(one);
            }

            @Override
            public void write(final byte[] bytes, final int offset, final int length) {
                try {
                    resumed.await();
                } catch (final InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                out.write(bytes, offset, length);
            }
        };
        final int sent = 5000;
        try (FrameCapture capture = capture(null, ALL, CaptureOptions.UNLIMITED)) {
            final CountDownLatch ended = new CountDownLatch(1);
            final FutureTask<Boolean> streaming = start(() -> {
                capture.stream(stopped, () -> ended.getCount() == 0);
                return true;
            });
            for (int i = 0; i < sent; i++) {
                send(a, Frames.ethernet(2, 1, 1514));
                receive(b, 1);
            }
            assertTrue(capture.lost() > 0, "the capture's memory is smaller than what was sent");
            assertEquals(sent, a.port.statistics().inFrames());
            assertEquals(sent, b.port.statistics().outFrames());
            resumed.countDown();
            Await.until(() -> capture.written() + capture.lost() == sent);
            ended.countDown();
            streaming.get();
            final PcapngReader file = new PcapngReader(out.toByteArray());
            assertEquals(sent, file.packets.size() + file.lost);
            assertEquals(sent, file.received);
        }
    }

    @Test
    void aCaptureEndsWhenItsPortIsRemovedOrItsClientIsGone() throws Exception {
        try (FrameCapture gone = capture(null, ALL, CaptureOptions.UNLIMITED);
             FrameCapture removed = capture(null, ALL, CaptureOptions.UNLIMITED)) {
            final OutputStream closed = new OutputStream() {
                @Override
                public void write(final int one) throws IOException {
                    throw new IOException("closed");
                }
            };
            assertThrows(IOException.class, () -> gone.stream(closed, () -> false));
            final FutureTask<byte[]> streaming = start(() -> stream(removed));
            send(a, Frames.broadcast(1, 60));
            Await.until(() -> removed.written() == 1);
            datapath.remove(a.port);
            assertEquals(List.of("in 60: flooded"), strings(new PcapngReader(streaming.get())));
        }
        assertEquals(0, a.port.inCaptures().length + a.port.outCaptures().length);
    }
}
