package io.ringbridge.bench.stress;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** A worker's inbox: several workers put frames in, and reclaim their buffers by the consumed sequence. */
final class FrameRingStress {
    private FrameRingStress() {
    }

    /** A ring with several producers. */
    abstract static class Inbox {
        final FrameRing ring = new FrameRing(2, false);

        final void produce(final int length) {
            final long sequence = ring.claim(1);
            final Frame frame = ring.get(sequence);
            frame.set(length, length);
            frame.flood(length, length);
            ring.publish(sequence, sequence);
        }

        /** Returns the number of published frames, or -1 if one of them is not complete. */
        final int wholeFrames() {
            final long last = ring.published();
            boolean whole = true;
            for (long sequence = 0; sequence <= last; sequence++) {
                final Frame frame = ring.get(sequence);
                final int length = frame.totalLength();
                whole &= length > 0 && frame.verdict() == Frame.Verdict.FLOOD && frame.count() == 1
                    && frame.address(0) == length && frame.source() == length && frame.flow() == length;
            }
            return whole ? (int) last + 1 : -1;
        }
    }

    /** A published frame is complete. */
    @JCStressTest
    @Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "none published")
    @Outcome(id = "1", expect = Expect.ACCEPTABLE, desc = "one published, complete")
    @Outcome(id = "2", expect = Expect.ACCEPTABLE, desc = "both published, complete")
    @State
    public static class Consumer extends Inbox {
        @Actor
        public final void producer() {
            produce(100);
            produce(200);
        }

        @Actor
        public final void consumer(final I_Result result) {
            result.r1 = wholeFrames();
        }
    }

    /** A frame is not published before the frames ahead of it, whose producers may still be writing. */
    @JCStressTest
    @Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "the frame ahead is not published")
    @State
    public static class Gap extends Inbox {
        public Gap() {
            ring.claim(1);
        }

        @Actor
        public final void producer() {
            produce(200);
        }

        @Actor
        public final void consumer(final I_Result result) {
            result.r1 = wholeFrames();
        }
    }

    /** Two producers get different places. */
    @JCStressTest
    @Outcome(id = "2", expect = Expect.ACCEPTABLE, desc = "both published, complete")
    @State
    public static class Producers extends Inbox {
        @Actor
        public final void one() {
            produce(100);
        }

        @Actor
        public final void other() {
            produce(200);
        }

        @Arbiter
        public final void after(final I_Result result) {
            result.r1 = wholeFrames();
        }
    }

    /** A sender may overwrite the buffer of a consumed frame, because the receiver has finished the copy. */
    @JCStressTest
    @Outcome(id = "42", expect = Expect.ACCEPTABLE, desc = "the contents that were sent")
    @State
    public static class Completion {
        private final FrameRing ring = new FrameRing(2, false);
        private final long sequence = ring.claim(1);
        private int buffer = 42;

        @Actor
        public final void receiver(final I_Result result) {
            result.r1 = buffer;
            ring.consumed(sequence);
        }

        @Actor
        public final void sender() {
            if (ring.consumed() >= sequence) {
                buffer = 99;
            }
        }
    }
}
