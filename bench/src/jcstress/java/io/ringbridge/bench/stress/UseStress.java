package io.ringbridge.bench.stress;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJ_Result;

/** The driver sees each used buffer complete, and a burst all at once (sections 2.7.8.2 and 2.8.21.3). */
final class UseStress {
    private UseStress() {
    }

    /** One used entry per buffer, in a split ring. */
    @JCStressTest
    @State
    @Outcome(id = "-1, -1", expect = Expect.ACCEPTABLE, desc = "seen by neither poll")
    @Outcome(id = "-1, 42", expect = Expect.ACCEPTABLE, desc = "seen by the second poll")
    @Outcome(id = "42, 42", expect = Expect.ACCEPTABLE, desc = "seen by both")
    public static class Split extends RingState {
        public Split() {
            super(SPLIT);
            bothOut();
        }

        @Actor
        public final void device() {
            useBoth();
        }

        @Actor
        public final void driver(final JJ_Result result) {
            result.r1 = poll();
            result.r2 = poll();
        }
    }

    /** One used entry per buffer, in a packed ring. */
    @JCStressTest
    @State
    @Outcome(id = "-1, -1", expect = Expect.ACCEPTABLE, desc = "seen by neither poll")
    @Outcome(id = "-1, 42", expect = Expect.ACCEPTABLE, desc = "seen by the second poll")
    @Outcome(id = "42, 42", expect = Expect.ACCEPTABLE, desc = "seen by both")
    public static class Packed extends RingState {
        public Packed() {
            super(PACKED);
            bothOut();
        }

        @Actor
        public final void device() {
            useBoth();
        }

        @Actor
        public final void driver(final JJ_Result result) {
            result.r1 = poll();
            result.r2 = poll();
        }
    }
}
