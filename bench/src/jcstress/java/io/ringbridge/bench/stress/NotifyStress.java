package io.ringbridge.bench.stress;

import io.ringbridge.datapath.ring.Features;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * A driver that goes to sleep either sees a used buffer or is notified of it (sections 2.7.7.2 and 2.8.21.3.1).
 *
 * <p>The results are whether the device notifies, and whether the driver sees the buffer.
 */
final class NotifyStress {
    private NotifyStress() {
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
            bothOut();
        }

        @Actor
        public final void device(final II_Result result) {
            result.r1 = useAndNotify();
        }

        @Actor
        public final void driver(final II_Result result) {
            result.r2 = wantNotification();
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
            bothOut();
        }

        @Actor
        public final void device(final II_Result result) {
            result.r1 = useAndNotify();
        }

        @Actor
        public final void driver(final II_Result result) {
            result.r2 = wantNotification();
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
            bothOut();
        }

        @Actor
        public final void device(final II_Result result) {
            result.r1 = useAndNotify();
        }

        @Actor
        public final void driver(final II_Result result) {
            result.r2 = wantNotification();
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
            bothOut();
        }

        @Actor
        public final void device(final II_Result result) {
            result.r1 = useAndNotify();
        }

        @Actor
        public final void driver(final II_Result result) {
            result.r2 = wantNotification();
        }
    }
}
