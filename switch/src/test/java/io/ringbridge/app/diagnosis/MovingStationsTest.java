package io.ringbridge.app.diagnosis;

import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.packet.MacAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

import static org.junit.jupiter.api.Assertions.assertEquals;

@Timeout(20)
class MovingStationsTest {
    private static final long ADDRESS = MacAddress.parse("52:54:00:12:34:56");
    private static final long KEY = ForwardingTable.key(ADDRESS, 0);
    private static final Map<Integer, String> PORTS = Map.of(1, "vm1", 2, "vm2");

    private final MovingStations stations = new MovingStations();
    private final ForwardingTable table = new ForwardingTable(16, 300, 4);
    private long seconds;

    /** Moves a station that many times, and returns the findings one second later. */
    private Map<String, Finding> after(final int moves, final int vlan) {
        for (int i = 0; i < moves; i++) {
            final long key = ForwardingTable.key(ADDRESS, vlan);
            table.learn(key, table.find(key, 0) == 1 ? 2 : 1, 0);
        }
        seconds++;
        final long nanos = TimeUnit.SECONDS.toNanos(seconds);
        table.moves().visit((key, count, from, to) -> stations.record(key, count, from, to, nanos));
        final Map<String, Finding> found = stations.findings(PORTS::get, nanos);
        stations.removeSettled(nanos).forEach(table.moves()::forget);
        return found;
    }

    @Test
    void aMovingAddressIsReportedAtBothPortsUntilItStays() {
        table.learn(KEY, 1, 0);
        assertEquals(Map.of(), after(0, 0));
        for (int i = 0; i < 2; i++) {
            assertEquals(Map.of(), after(2, 0));
        }
        final Map<String, Finding> found = after(10, 0);
        assertEquals("52:54:00:12:34:56 moves between vm1 and vm2 (14 times in 10 s): do two guests use this address?",
            found.get("vm1").text());
        assertEquals(found.get("vm1"), found.get("vm2"));
        for (int i = 0; i < 9; i++) {
            assertEquals(Set.of("vm1", "vm2"), after(0, 0).keySet());
        }
        after(0, 0);
        assertEquals(Map.of(), after(0, 0));
        assertEquals(Map.of(), after(2, 0));
    }

    @Test
    void aMigrationThereAndBackIsNotReported() {
        table.learn(KEY, 1, 0);
        assertEquals(Map.of(), after(1, 0));
        assertEquals(Map.of(), after(1, 0));
        assertEquals(Map.of(), after(2, 0));
    }

    @Test
    void theVlanIsNamed() {
        table.learn(ForwardingTable.key(ADDRESS, 10), 1, 0);
        assertEquals("52:54:00:12:34:56 in VLAN 10 moves between vm1 and vm2 (7 times in 10 s): "
            + "do two guests use this address?",
            after(7, 10).get("vm2").text());
    }

    @Test
    void manyMovingStationsDoNotHideOthers() {
        for (int i = 0; i < 1000; i++) {
            table.learn(ForwardingTable.key(i + 1L, 0), 1, 0);
            table.learn(ForwardingTable.key(i + 1L, 0), 2, 0);
        }
        table.learn(KEY, 1, 0);
        for (int i = 0; i < 12; i++) {
            after(0, 0);
        }
        assertEquals(Set.of("vm1", "vm2"), after(20, 0).keySet());
    }
}
