package io.ringbridge.bench.stress;

import io.ringbridge.datapath.ring.Features;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * A device that goes to sleep either sees an available chain or is kicked for it (sections 2.7.13.4.1 and 2.8.21.3.1).
 *
 * <p>The results are whether the driver kicks, and whether the device sees the chain.
 */
final class KickStress {
    private KickStress() {
    }

    /** Split ring, by flags. */
    @JCStressTest
    @State
    @Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "seen")
    @Outcome(id = "1, 0", expect = Expect.ACCEPTABLE, desc = "signalled")
    @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "seen and signalled, once too often")
    public static class SplitFlags extends RingState {
        public SplitFlags() {
            super(SPLIT);
        }

        @Actor
        public final void driver(final II_Result result) {
            result.r1 = offerAndKick();
        }

        @Actor
        public final void device(final II_Result result) {
            result.r2 = armKicks();
        }
    }

    /** Split ring, by events. */
    @JCStressTest
    @State
    @Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "seen")
    @Outcome(id = "1, 0", expect = Expect.ACCEPTABLE, desc = "signalled")
    @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "seen and signalled, once too often")
    public static class SplitEvents extends RingState {
        public SplitEvents() {
            super(SPLIT, Features.EVENT_IDX);
        }

        @Actor
        public final void driver(final II_Result result) {
            result.r1 = offerAndKick();
        }

        @Actor
        public final void device(final II_Result result) {
            result.r2 = armKicks();
        }
    }

    /** Packed ring, by flags. */
    @JCStressTest
    @State
    @Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "seen")
    @Outcome(id = "1, 0", expect = Expect.ACCEPTABLE, desc = "signalled")
    @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "seen and signalled, once too often")
    public static class PackedFlags extends RingState {
        public PackedFlags() {
            super(PACKED);
        }

        @Actor
        public final void driver(final II_Result result) {
            result.r1 = offerAndKick();
        }

        @Actor
        public final void device(final II_Result result) {
            result.r2 = armKicks();
        }
    }

    /** Packed ring, by events. */
    @JCStressTest
    @State
    @Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "seen")
    @Outcome(id = "1, 0", expect = Expect.ACCEPTABLE, desc = "signalled")
    @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "seen and signalled, once too often")
    public static class PackedEvents extends RingState {
        public PackedEvents() {
            super(PACKED, Features.EVENT_IDX);
        }

        @Actor
        public final void driver(final II_Result result) {
            result.r1 = offerAndKick();
        }

        @Actor
        public final void device(final II_Result result) {
            result.r2 = armKicks();
        }
    }
}
