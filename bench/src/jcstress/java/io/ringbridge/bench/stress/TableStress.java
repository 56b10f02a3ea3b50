package io.ringbridge.bench.stress;

import io.ringbridge.datapath.bridge.ForwardingTable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/** The forwarding table: read by every worker while others learn, move and forget. */
final class TableStress {
    private static final long STATION = ForwardingTable.key(0x0100_0000_5452L, 0);
    private static final int AGEING = 300;

    private TableStress() {
    }

    /** The smallest table there is, so that stations meet. */
    abstract static class Table {
        final ForwardingTable table = new ForwardingTable(2, AGEING, 4);
    }

    /** A station whose place others take over is gone, or where it was; it never has their port. */
    @JCStressTest
    @Outcome(id = "1", expect = Expect.ACCEPTABLE, desc = "where it was")
    @Outcome(id = "-1", expect = Expect.ACCEPTABLE, desc = "gone")
    @State
    public static class Replaced extends Table {
        public Replaced() {
            table.learn(STATION, 1, 0);
        }

        @Actor
        public final void writer() {
            table.remove(STATION);
            // Two lines, four stations: some of these come to lie where it was.
            for (int other = 1; other <= 4; other++) {
                table.learn(STATION + ((long) other << 20), 2, 0);
            }
        }

        @Actor
        public final void reader(final I_Result result) {
            result.r1 = table.find(STATION, 0);
        }
    }

    /** A station that moves is at the old place or the new one, and never back again. */
    @JCStressTest
    @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "before")
    @Outcome(id = "1, 2", expect = Expect.ACCEPTABLE, desc = "in between")
    @Outcome(id = "2, 2", expect = Expect.ACCEPTABLE, desc = "after")
    @State
    public static class Moved extends Table {
        public Moved() {
            table.learn(STATION, 1, 0);
        }

        @Actor
        public final void writer() {
            table.learn(STATION, 2, 0);
        }

        @Actor
        public final void reader(final II_Result result) {
            result.r1 = table.find(STATION, 0);
            result.r2 = table.find(STATION, 0);
        }
    }

    /** A station that two workers hear at once is behind one of the two ports, in one place or two. */
    @JCStressTest
    @Outcome(id = {"1, 1", "2, 1", "1, 2", "2, 2"}, expect = Expect.ACCEPTABLE, desc = "learned")
    @State
    public static class HeardTwice extends Table {
        @Actor
        public final void one() {
            table.learn(STATION, 1, 0);
        }

        @Actor
        public final void other() {
            table.learn(STATION, 2, 0);
        }

        @Arbiter
        public final void after(final II_Result result) {
            result.r1 = table.find(STATION, 0);
            result.r2 = table.size();
        }
    }

    /** A new station is found where it was heard, or not yet. */
    @JCStressTest
    @Outcome(id = "-1, -1", expect = Expect.ACCEPTABLE, desc = "not yet")
    @Outcome(id = "-1, 3", expect = Expect.ACCEPTABLE, desc = "in between")
    @Outcome(id = "3, 3", expect = Expect.ACCEPTABLE, desc = "learned")
    @State
    public static class Learned extends Table {
        @Actor
        public final void writer() {
            table.learn(STATION, 3, 0);
        }

        @Actor
        public final void reader(final II_Result result) {
            result.r1 = table.find(STATION, 0);
            result.r2 = table.find(STATION, 0);
        }
    }

    /** A verdict that was reached with a version from before a change is void: whoever sees the version sees the change. */
    @JCStressTest
    @Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "the old version and the old port")
    @Outcome(id = "0, 2", expect = Expect.ACCEPTABLE, desc = "the old version goes with any port: it is asked again")
    @Outcome(id = "1, 2", expect = Expect.ACCEPTABLE, desc = "the new version and the new port")
    @State
    public static class Version extends Table {
        private final long before;

        public Version() {
            table.learn(STATION, 1, 0);
            before = table.version();
        }

        @Actor
        public final void writer() {
            table.learn(STATION, 2, 0);
        }

        @Actor
        public final void reader(final II_Result result) {
            result.r1 = table.version() == before ? 0 : 1;
            result.r2 = table.find(STATION, 0);
        }
    }
}
