package io.ringbridge.bench.stress;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJ_Result;

/** The device sees each available chain complete, and a burst of a packed ring all at once (section 2.8.21.1). */
final class OfferStress {
    private OfferStress() {
    }

    /** In a split ring, the available index makes the earlier writes visible. */
    @JCStressTest
    @State
    @Outcome(id = "-1, -1", expect = Expect.ACCEPTABLE, desc = "seen by neither poll")
    @Outcome(id = "-1, 42", expect = Expect.ACCEPTABLE, desc = "seen by the second poll")
    @Outcome(id = "42, 42", expect = Expect.ACCEPTABLE, desc = "seen by both")
    public static class Split extends RingState {
        public Split() {
            super(SPLIT);
        }

        @Actor
        public final void driver() {
            offerBoth();
        }

        @Actor
        public final void device(final JJ_Result result) {
            result.r1 = take();
            result.r2 = take();
        }
    }

    /** In a packed ring, the flags of the first descriptor, written last, make the earlier writes visible. */
    @JCStressTest
    @State
    @Outcome(id = "-1, -1", expect = Expect.ACCEPTABLE, desc = "seen by neither poll")
    @Outcome(id = "-1, 42", expect = Expect.ACCEPTABLE, desc = "seen by the second poll")
    @Outcome(id = "42, 42", expect = Expect.ACCEPTABLE, desc = "seen by both")
    public static class Packed extends RingState {
        public Packed() {
            super(PACKED);
        }

        @Actor
        public final void driver() {
            offerBoth();
        }

        @Actor
        public final void device(final JJ_Result result) {
            result.r1 = take();
            result.r2 = take();
        }
    }
}
