package io.ringbridge.datapath.bridge;

import io.ringbridge.datapath.packet.MacAddress;
import org.junit.jupiter.api.Test;

import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ForwardingTableTest {
    private static final int AGEING = 300;

    private static long key(final int station) {
        return ForwardingTable.key(
            MacAddress.parse("52:54:00:00:00:00") | (long) Integer.reverseBytes(station) << 16, 0);
    }

    @Test
    void agreesWithAMapUnderRandomUse() {
        final long seed = 99;
        final SplittableRandom random = new SplittableRandom(seed);
        final ForwardingTable table = new ForwardingTable(4096, AGEING, 8);
        final Map<Long, int[]> model = new HashMap<>();
        int now = 0;
        for (int i = 0; i < 400_000; i++) {
            final long key = key(random.nextInt(2000));
            switch (random.nextInt(20)) {
                case 0 -> now += random.nextInt(3);
                case 1 -> {
                    final int[] known = model.remove(key);
                    assertTrue(table.remove(key) || known == null || now - known[1] >= AGEING, "seed " + seed);
                }
                case 2 -> {
                    final int port = random.nextInt(8);
                    if (random.nextInt(500) == 0) {
                        table.flush(port, true);
                        model.values().removeIf(v -> v[0] == port);
                    }
                }
                case 3 -> {
                    if (random.nextInt(100) == 0) {
                        table.sweep(now);
                    }
                }
                case 4, 5, 6, 7, 8, 9 -> {
                    final int port = random.nextInt(8);
                    table.learn(key, port, now);
                    model.put(key, new int[] {port, now});
                }
                default -> {
                    final int[] known = model.get(key);
                    final boolean aged = known == null || now - known[1] >= AGEING;
                    assertEquals(aged ? ForwardingTable.UNKNOWN : known[0], table.find(key, now),
                        "seed " + seed + " step " + i);
                }
            }
        }
    }

    @Test
    void aFullTableFindsEveryStation() {
        final ForwardingTable table = new ForwardingTable(65536, AGEING, 2);
        for (int i = 0; i < 65536; i++) {
            table.learn(key(i), 0, 0);
        }
        int found = 0;
        for (int i = 0; i < 65536; i++) {
            found += table.find(key(i), 0) == 0 ? 1 : 0;
        }
        assertEquals(65536, found);
        assertEquals(65536, table.size());
    }

    @Test
    void aPortThatFloodsTheTableLosesItsOwnStations() {
        final ForwardingTable table = new ForwardingTable(1024, AGEING, 4);
        for (int i = 0; i < 100; i++) {
            table.learn(key(i), 1, 0);
        }
        for (int i = 1000; i < 100_000; i++) {
            table.learn(key(i), 2, 0);
        }
        for (int i = 0; i < 100; i++) {
            assertEquals(1, table.find(key(i), 0), "station " + i + " of the quiet port");
        }
        assertEquals(1024, table.size());
        table.learn(key(500), 1, 0);
        assertEquals(1, table.find(key(500), 0), "a quiet port still learns");
        assertEquals(1024, table.size());
    }

    @Test
    void changesAreCounted() {
        final ForwardingTable table = new ForwardingTable(1024, AGEING, 4);
        final TableCounters counters = table.counters();
        assertTrue(table.addStatic(key(1), 3));
        table.learn(key(2), 1, 0);
        table.learn(key(2), 1, 1);
        assertEquals(1, counters.allLearned(), "neither static stations nor known ones");
        table.learn(key(2), 2, 1);
        assertEquals(1, counters.allMoved());
        for (int i = 1000; i < 5000; i++) {
            table.learn(key(i), 2, 1);
        }
        assertTrue(counters.allEvicted() > 2900);
        assertEquals(table.size(), 1 + counters.allLearned() - counters.allEvicted());
        table.learn(key(3), 1, AGEING + 1); // replaces a station that has aged
        table.sweep(AGEING + 1);
        assertEquals(2, table.size());
        assertEquals(2, 1 + counters.allLearned() - counters.allEvicted() - counters.allAged());
        assertEquals(1, counters.allMoved());
    }

    @Test
    void staticStationsNeitherMoveNorAge() {
        final ForwardingTable table = new ForwardingTable(64, AGEING, 4);
        assertTrue(table.addStatic(key(1), 3));
        table.learn(key(1), 2, 5);
        assertEquals(3, table.find(key(1), AGEING * 10));
        table.sweep(AGEING * 10);
        assertEquals(3, table.find(key(1), AGEING * 10));
        table.flush(3, false);
        assertEquals(3, table.find(key(1), AGEING * 10));
        assertTrue(table.remove(key(1)));
        assertFalse(table.remove(key(1)));
    }

    @Test
    void aKnownStationBecomesStaticOnThePortItIsAddedTo() {
        final ForwardingTable table = new ForwardingTable(64, AGEING, 4);
        table.learn(key(1), 2, 0);
        long before = table.version();
        assertTrue(table.addStatic(key(1), 3));
        assertNotEquals(before, table.version(), "verdicts for the old port are invalid");
        assertEquals(3, table.find(key(1), 0));
        assertTrue(table.addStatic(key(1), 1), "static on another port");
        before = table.version();
        assertTrue(table.addStatic(key(1), 1), "static on the same port again");
        assertEquals(before, table.version());
        assertTrue(table.addStatic(key(2), 1));
        table.learn(key(3), 1, 0);
        assertArrayEquals(new long[] {}, table.statics(3));
        assertArrayEquals(new long[] {key(1), key(2)}, LongStream.of(table.statics(1)).sorted().toArray());
        assertEquals(3, table.size());
        assertEquals(1, table.flush(1, false));
        assertEquals(2, table.flush(1, true));
        assertEquals(0, table.size());
    }

    @Test
    void aStaticStationReplacesALearnedOneButNotAStaticOne() {
        final ForwardingTable table = new ForwardingTable(64, AGEING, 4);
        for (int i = 0; i < 64; i++) {
            table.learn(key(i), 2, 0);
        }
        assertTrue(table.addStatic(key(1000), 1));
        assertEquals(1, table.find(key(1000), 0));
        table.flush(2, false);
        for (int i = 0; i < 63; i++) {
            assertTrue(table.addStatic(key(i), 2));
        }
        assertFalse(table.addStatic(key(2000), 3));
        assertEquals(64, table.size());
    }

    @Test
    void theVersionChangesWhenAVerdictMayHaveBecomeInvalid() {
        final ForwardingTable table = new ForwardingTable(64, AGEING, 4);
        long before = table.version();
        table.learn(key(1), 1, 0);
        assertNotEquals(before, table.version(), "a new station");
        before = table.version();
        table.learn(key(1), 1, 1);
        assertEquals(before, table.version(), "a known station on the same port");
        table.learn(key(1), 2, 1);
        assertNotEquals(before, table.version(), "a move");
        before = table.version();
        table.remove(key(1));
        assertNotEquals(before, table.version(), "a removal");
    }

    @Test
    void formatAndParseAreInverse() {
        assertEquals("52:54:00:ab:cd:ef", MacAddress.format(MacAddress.parse("52:54:00:AB:CD:EF")));
        assertTrue(MacAddress.isGroup(MacAddress.parse("01:00:5e:00:00:01")));
        assertFalse(MacAddress.isGroup(MacAddress.parse("52:54:00:00:00:01")));
    }
}
