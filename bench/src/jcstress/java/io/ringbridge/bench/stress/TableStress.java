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

/** The forwarding table: each worker reads it while others learn, move and forget stations. */
final class TableStress {
    private static final long STATION = ForwardingTable.key(0x0100_0000_5452L, 0);
    private static final int AGEING = 300;

    private TableStress() {
    }

    /** The smallest table, so that stations collide. */
    abstract static class Table {
        final ForwardingTable table = new ForwardingTable(2, AGEING, 4);
    }

    /** A station whose place another station takes has its old port or none. It never has the other station's port. */
    @JCStressTest
    @Outcome(id = "1", expect = Expect.ACCEPTABLE, desc = "the old port")
    @Outcome(id = "-1", expect = Expect.ACCEPTABLE, desc = "not found")
    @State
    public static class Replaced extends Table {
        public Replaced() {
            table.learn(STATION, 1, 0);
        }

        @Actor
        public final void writer() {
            table.remove(STATION);
            // The table has two lines of stations: some of these four get the removed station's place.
            for (int other = 1; other <= 4; other++) {
                table.learn(STATION + ((long) other << 20), 2, 0);
            }
        }

        @Actor
        public final void reader(final I_Result result) {
            result.r1 = table.find(STATION, 0);
        }
    }

    /** A station that moves has the old port or the new one. It never has the old port after the new one. */
    @JCStressTest
    @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "the old port twice")
    @Outcome(id = "1, 2", expect = Expect.ACCEPTABLE, desc = "the old port, then the new one")
    @Outcome(id = "2, 2", expect = Expect.ACCEPTABLE, desc = "the new port twice")
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

    /** A station that two workers learn at once is behind one of the two ports, in one or two places of the table. */
    @JCStressTest
    @Outcome(id = {"1, 1", "2, 1", "1, 2", "2, 2"}, expect = Expect.ACCEPTABLE, desc = "learned")
    @State
    public static class LearnedTwice extends Table {
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

    /** A new station has the port on which it was learned, or is not found yet. */
    @JCStressTest
    @Outcome(id = "-1, -1", expect = Expect.ACCEPTABLE, desc = "not found")
    @Outcome(id = "-1, 3", expect = Expect.ACCEPTABLE, desc = "not found, then found")
    @Outcome(id = "3, 3", expect = Expect.ACCEPTABLE, desc = "found twice")
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

    /** A thread that sees the new version also sees the change. A verdict with the old version is void. */
    @JCStressTest
    @Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "the old version and the old port")
    @Outcome(id = "0, 2", expect = Expect.ACCEPTABLE, desc = "the old version and the new port: looked up again later")
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
