package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Scratch;
import io.ringbridge.datapath.packet.Segmenter;
import io.ringbridge.datapath.packet.VnetHeader;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.QueueCounters;

/**
 * Checks the virtio-net headers of a burst from an uplink, or from a guest that may request offloads. Reads each header
 * once, and drops frames with an invalid header.
 *
 * <p>Owned by one worker.
 */
final class OffloadIngress {
    private static final int CSUM_OFFSET = 8;
    private static final long FLAGS = 0xFF;
    private static final long STRIDE = 16;
    private static final int MANY = 48;

    private final Scratch splitMemory = Scratch.of(Ingress.BURST * STRIDE);
    private final long split = splitMemory.address();
    private final Scratch scratchMemory = Scratch.of(VnetHeader.SCRATCH);
    private final long scratch = scratchMemory.address();
    private final long[] headers = new long[Ingress.BURST];
    private final long[] words = new long[Ingress.BURST];

    /** Records the address of a frame's header. A header that is not contiguous is copied to memory for its place. */
    void note(final int place, final Frame frame, final int headerLength) {
        if (frame.length(0) >= headerLength) {
            headers[place] = frame.address(0);
        } else {
            headers[place] = split + place * STRIDE;
            frame.peek(headers[place], headerLength);
        }
    }

    /** Records the address of the header of a contiguous frame. */
    void note(final int place, final long header) {
        headers[place] = header;
    }

    /**
     * Checks the headers of a burst's accepted frames. A first pass loads all headers, a second pass decides.
     *
     * @param asking the bits that request an offload, {@link VnetHeader#REQUESTING} or
     *     {@link VnetHeader#REQUESTING_UPLINK}
     * @return the number of frames checked: fewer than {@code count} if their segments exceed the work for a burst
     */
    int check(final FrameRing frames, final long first, final int count, final QueueCounters counters,
              final long features, final long asking) {
        for (int i = 0; i < count; i++) {
            words[i] = frames.get(first + i).verdict() == Frame.Verdict.ACCEPTED ? Memory.getLong(headers[i]) : 0;
        }
        int work = 0;
        for (int i = 0; i < count; i++) {
            if ((words[i] & asking) != 0) {
                final Frame frame = frames.get(first + i);
                final int checksumOffset = Memory.getShort(headers[i] + CSUM_OFFSET) & 0xFFFF;
                final long word = words[i] & (asking | ~FLAGS);
                final int needs = frame.header().check(word, checksumOffset, features, frame, scratch);
                if (needs == VnetHeader.INVALID) {
                    final DropReason reason =
                        asking == VnetHeader.REQUESTING ? DropReason.BAD_OFFLOAD : DropReason.UNFINISHED;
                    frame.drop(reason);
                    counters.dropped(reason);
                } else {
                    frame.needs(needs);
                }
                work += manySegments(frame);
                if (work > Effort.BURST) {
                    return i + 1;
                }
            }
        }
        return count;
    }

    /** Returns the work for a frame with more segments than 64 KiB in ordinary Ethernet packets, else 0. */
    private static int manySegments(final Frame frame) {
        if (frame.verdict() != Frame.Verdict.ACCEPTED || frame.needs() == 0 || !frame.header().isGso()) {
            return 0;
        }
        final int segments = Math.min(Segmenter.MAX_SEGMENTS, frame.totalLength() / frame.header().segmentSize());
        return segments > MANY ? segments * Effort.SEGMENT : 0;
    }
}
