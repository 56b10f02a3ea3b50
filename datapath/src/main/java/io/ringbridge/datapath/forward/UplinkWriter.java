package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.os.Scratch;
import io.ringbridge.datapath.packet.Ethernet;
import io.ringbridge.datapath.packet.FrameKinds;
import io.ringbridge.datapath.packet.PieceReader;
import io.ringbridge.datapath.packet.Segmenter;
import io.ringbridge.datapath.packet.VnetHeader;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.UplinkQueue;
import org.jspecify.annotations.Nullable;

/**
 * Writes frames to uplinks. The kernel copies them from the sender's memory, so the switch makes no copy of its own. A
 * device that accepts offloads receives the virtio-net header's requests. For other devices, this class segments frames
 * and completes checksums.
 *
 * <p>Owned by one worker.
 */
final class UplinkWriter {
    /** {@code struct iovec}: address, length. */
    private static final int IOVEC = 16;
    /** The most elements per call, {@code UIO_MAXIOV}. */
    private static final int MAX_IOVECS = 1024;
    private static final int LONGEST_PAYLOAD = 1 << 17;

    private final Scratch iovecsMemory = Scratch.of((long) MAX_IOVECS * IOVEC);
    private final long iovecs = iovecsMemory.address();
    private final Scratch headerMemory = Scratch.of(FrameDevice.HEADER);
    private final long header = headerMemory.address();
    private final Scratch payloadMemory = Scratch.of(LONGEST_PAYLOAD);
    private final long payload = payloadMemory.address();
    private final OffloadEgress offloads;
    private final Segmenter segmenter;
    private final PieceReader reader;
    private final Effort effort;
    private final FrameRecorder recorder;
    private final DestinationCount destinationCount;
    private int written;
    /** The number of frames begun since {@link #resetBegun}. */
    private int begun;
    private long bytes;

    /**
     * Creates a writer.
     *
     * @param offloads decides which frames exceed the MTU
     * @param segmenter splits frames for devices without offloads
     * @param reader the reader of that segmenter
     * @param recorder records the frames that were written or dropped
     * @param destinationCount counts the destinations of frames written
     */
    UplinkWriter(final OffloadEgress offloads, final Segmenter segmenter, final PieceReader reader,
                 final Effort effort, final FrameRecorder recorder, final DestinationCount destinationCount) {
        this.recorder = recorder;
        this.effort = effort;
        this.destinationCount = destinationCount;
        this.offloads = offloads;
        this.segmenter = segmenter;
        this.reader = reader;
        iovec(0, header, FrameDevice.HEADER);
    }

    private void iovec(final int index, final long address, final int length) {
        Memory.putLong(iovecs + (long) index * IOVEC, address);
        Memory.putLong(iovecs + (long) index * IOVEC + 8, length);
    }

    /**
     * Writes consecutive frames. Frames that cannot be written are dropped and counted.
     *
     * @return the number of frames written
     */
    int deliver(final FrameRing frames, final long first, final int count, final UplinkQueue queue) {
        final FrameDevice device = queue.device();
        final int mtu = queue.port().mtu();
        written = 0;
        bytes = 0;
        for (int i = 0; i < count; i++) {
            begun++;
            final Frame frame = frames.get(first + i);
            final int before = written;
            final DropReason reason = device == null || queue.port().failure() != null ? DropReason.NO_RECEIVER
                : frame.totalLength() > mtu + Ethernet.HEADER && offloads.exceeds(frame, mtu) ? DropReason.MTU_EXCEEDED
                : goesWhole(frame, device) ? writeWhole(frame, device, queue) : writeSegments(frame, device, queue);
            if (reason != null) {
                queue.counters().dropped(reason);
            }
            destinationCount.count(frame, written - before, queue.counters());
            recorder.left(frame, queue, reason);
        }
        if (written > 0) {
            assert device != null : "nothing is written without a device";
            device.flush();
            queue.port().writesFail(false);
        }
        queue.counters().moved(written, bytes);
        return written;
    }

    private static boolean goesWhole(final Frame frame, final FrameDevice device) {
        return frame.needs() == 0 || device.offloads() && (frame.needs() & VnetHeader.NOBODY) == 0;
    }

    /**
     * Resets the count of frames begun. Frames that were begun are not retried after a fault.
     *
     * @return the count before
     */
    int resetBegun() {
        final int frames = begun;
        begun = 0;
        return frames;
    }

    /**
     * Writes a frame unchanged. If the device refuses its offloads, writes segments or completes the checksum.
     *
     * @return the reason for a drop, or null if the frame was written
     */
    private @Nullable DropReason writeWhole(final Frame frame, final FrameDevice device, final UplinkQueue queue) {
        if (frame.count() >= MAX_IOVECS) {
            return DropReason.REFUSED;
        }
        if (frame.needs() == 0) {
            VnetHeader.writePlain(header, FrameDevice.HEADER, 1);
        } else {
            frame.header().write(header, FrameDevice.HEADER, 1);
        }
        for (int i = 0; i < frame.count(); i++) {
            iovec(1 + i, frame.address(i), frame.length(i));
        }
        effort.spend(frame, Effort.CALL + 2L * frame.count());
        final long answer = device.write(iovecs, 1 + frame.count());
        return answer == FrameDevice.INVALID && frame.needs() != 0
            ? writeSegments(frame, device, queue) : outcome(answer, frame.totalLength(), queue);
    }

    /**
     * Writes a frame in segments or with its checksum completed, up to the first failure or the limit of segments.
     *
     * @return the reason for a drop, or null if all segments were written
     */
    private @Nullable DropReason writeSegments(final Frame frame, final FrameDevice device, final UplinkQueue queue) {
        segmenter.begin(frame, frame.header(), false);
        VnetHeader.writePlain(header, FrameDevice.HEADER, 1);
        DropReason reason = null;
        while (reason == null && segmenter.next()) {
            reader.copy(payload, segmenter.payloadLength());
            iovec(1, segmenter.prefix(), segmenter.prefixLength());
            iovec(2, payload, segmenter.payloadLength());
            effort.spend(frame, Effort.CALL + Effort.SEGMENT + (segmenter.payloadLength() >>> Effort.BYTES));
            reason = outcome(device.write(iovecs, 3), segmenter.prefixLength() + segmenter.payloadLength(), queue);
        }
        return reason == null && segmenter.isLimited() ? DropReason.SEGMENT_LIMIT : reason;
    }

    /**
     * Counts a written packet, or handles the error of the write.
     *
     * @return the reason for a drop, or null if the packet was written
     */
    private @Nullable DropReason outcome(final long answer, final int length, final UplinkQueue queue) {
        if (answer >= 0) {
            written++;
            bytes += length;
            queue.counters().movedLengths(FrameKinds.ofLength(length));
            return null;
        }
        if (FrameDevice.isGone(answer)) {
            queue.markGone();
            return DropReason.NO_RECEIVER;
        }
        if (answer == FrameDevice.DOWN) {
            queue.port().writesFail(true);
            return DropReason.LINK_DOWN;
        }
        return answer == FrameDevice.AGAIN ? DropReason.NO_BUFFER : DropReason.REFUSED;
    }
}
