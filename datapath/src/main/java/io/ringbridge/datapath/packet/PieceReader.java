package io.ringbridge.datapath.packet;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;

/** A position in a packet, from which its bytes are read in order across their pieces. Owned by one worker. */
public final class PieceReader {
    private Segments frame = new Segments();
    private int piece;
    private int offset;

    /** Moves to an offset in a frame. */
    public void begin(final Segments newFrame, final int from) {
        frame = newFrame;
        piece = 0;
        offset = from;
        while (piece < frame.count() && offset >= frame.length(piece)) {
            offset -= frame.length(piece++);
        }
    }

    /** Copies the next bytes and moves past them. The frame must have that many left. */
    public void copy(final long to, final int bytes) {
        int done = 0;
        while (done < bytes) {
            final int n = Math.min(bytes - done, frame.length(piece) - offset);
            Memory.copy(frame.address(piece) + offset, to + done, n);
            done += n;
            offset += n;
            if (offset == frame.length(piece)) {
                piece++;
                offset = 0;
            }
        }
    }

    /** Returns the checksum of the next bytes without moving. The frame must have that many left. */
    public int sum(final int bytes) {
        long sum = 0;
        int done = 0;
        int from = offset;
        for (int i = piece; done < bytes; i++) {
            final int n = Math.min(bytes - done, frame.length(i) - from);
            final int part = Checksum.sum(frame.address(i) + from, n);
            sum += (done & 1) == 0 ? part : Checksum.swap(part);
            done += n;
            from = 0;
        }
        return Checksum.fold(sum);
    }
}
