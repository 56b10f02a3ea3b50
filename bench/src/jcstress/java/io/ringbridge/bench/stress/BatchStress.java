package io.ringbridge.bench.stress;

import io.ringbridge.datapath.ring.Features;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJ_Result;

/** With IN_ORDER, one used entry covers both buffers (sections 2.7.9 and 2.8.8). */
final class BatchStress {
    private BatchStress() {
    }

    /** In a split ring. */
    @JCStressTest
    @State
    @Outcome(id = "-1, -1", expect = Expect.ACCEPTABLE, desc = "seen by neither poll")
    @Outcome(id = "-1, 42", expect = Expect.ACCEPTABLE, desc = "seen by the second poll")
    @Outcome(id = "42, 42", expect = Expect.ACCEPTABLE, desc = "seen by both")
    public static class Split extends RingState {
        public Split() {
            super(SPLIT, Features.IN_ORDER);
            bothOut();
        }

        @Actor
        public final void device() {
            returnBothAsBatch();
        }

        @Actor
        public final void driver(final JJ_Result result) {
            result.r1 = poll();
            result.r2 = poll();
        }
    }

    /** In a packed ring. */
    @JCStressTest
    @State
    @Outcome(id = "-1, -1", expect = Expect.ACCEPTABLE, desc = "seen by neither poll")
    @Outcome(id = "-1, 42", expect = Expect.ACCEPTABLE, desc = "seen by the second poll")
    @Outcome(id = "42, 42", expect = Expect.ACCEPTABLE, desc = "seen by both")
    public static class Packed extends RingState {
        public Packed() {
            super(PACKED, Features.IN_ORDER);
            bothOut();
        }

        @Actor
        public final void device() {
            returnBothAsBatch();
        }

        @Actor
        public final void driver(final JJ_Result result) {
            result.r1 = poll();
            result.r2 = poll();
        }
    }
}
