package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.frame.Segmenter;
import io.ringbridge.datapath.frame.VnetHeader;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.QueueCounters;

/**
 * Reads the virtio-net headers of a burst, once, of guests that may ask for offloads and of uplinks, and drops frames whose header lies.
 * Owned by one worker.
 */
final class OffloadIngress {
    private static final int CSUM_OFFSET = 8;
    private static final long FLAGS = 0xFF;
    private static final long STRIDE = 16;
    private static final int MANY = 48;

    private final long split = Memory.allocate(Ingress.BURST * STRIDE);
    private final long scratch = Memory.allocate(VnetHeader.SCRATCH);
    private final long[] headers = new long[Ingress.BURST];
    private final long[] words = new long[Ingress.BURST];

    /** Notes where the header at a frame's front is in one piece: in place, or in memory for this place in the burst. */
    void note(final int place, final Frame frame, final int headerLength) {
        if (frame.length(0) >= headerLength) {
            headers[place] = frame.address(0);
        } else {
            headers[place] = split + place * STRIDE;
            frame.peek(headers[place], headerLength);
        }
    }

    /** Notes where the header at the front of a frame in one piece is. */
    void note(final int place, final long header) {
        headers[place] = header;
    }

    /**
     * Checks the headers of the accepted ones of a burst, in a pass of loads and one of decisions.
     *
     * @param asking the bits that ask for something, {@link VnetHeader#ASKING} or {@link VnetHeader#ASKING_UPLINK}
     * @return the number of frames whose segments are no more than the work for a burst; the others were not looked at
     */
    int check(final FrameRing frames, final long first, final int count, final QueueCounters counters, final long features,
               final long asking) {
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
                if (needs == VnetHeader.LIES) {
                    frame.drop();
                    counters.dropped(asking == VnetHeader.ASKING ? DropReason.BAD_OFFLOAD : DropReason.UNFINISHED);
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

    /** The work for a frame that is to be cut into more segments than 64 KiB of an Ethernet's packets are. */
    private static int manySegments(final Frame frame) {
        if (frame.verdict() != Frame.Verdict.ACCEPTED || frame.needs() == 0 || !frame.header().isGso()) {
            return 0;
        }
        final int segments = Math.min(Segmenter.MAX_SEGMENTS, frame.totalLength() / frame.header().segmentSize());
        return segments > MANY ? segments * Effort.SEGMENT : 0;
    }
}
