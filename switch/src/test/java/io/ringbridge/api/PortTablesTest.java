package io.ringbridge.api;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PortTablesTest {
    private static final Map<String, Long> DROPS = new TreeMap<>(Map.of("no-buffer", 1_234_567L, "mtu-exceeded", 2L,
        "frame-ring-full", 8_000_000L, "vlan-not-allowed", 4_000_000L, "bad-descriptor", 5_000_000L));
    private static final PortView BUSY = new PortView("customer", "vhost-user", "/run/ringbridge/customer.sock", null,
        null, null, "server", "suspended", null, "2026-11-30T03:05:00Z", "suspended by the operator", 8, 65535, 10,
        List.of("20", "30-39"), List.of("csum", "guest_csum", "mrg_rxbuf", "ctrl_vq", "mq", "indirect_desc",
        "event_idx", "protocol_features", "version_1", "ring_packed"), 1_234_567_890_123L, 987_654_321_987_654_321L,
        1_234_567_890_123L, 987_654_321_987_654_321L, DROPS,
        new RatesView(14_880_952, 952_380_928, 14_880_952, 952_380_928, 1_500_000));
    private static final QueueView QUEUE = new QueueView("customer", 15, "tx", 63, true, true, "packed", 32768,
        1_234_567_890_123L, 987_654_321_987_654_321L, 0, 0, DROPS);
    private static final PortDetailView DETAIL = new PortDetailView(BUSY,
        new PortDetailView.FrontEnd("process 4711", "2026-11-30T03:05:01Z", List.of("mq", "reply_ack"), 17),
        List.of(new PortDetailView.Region("0x0", 2L << 30), new PortDetailView.Region("0x100000000", 6L << 30)),
        List.of(new PortDetailView.Ring(QUEUE, 32767)),
        List.of(new PortDetailView.Drop("no-buffer", 1_234_567, "the receiver provides no buffer")));

    @Test
    void tablesFitInto100Columns() {
        for (final String table : List.of(Tables.ports(List.of(BUSY), new Units(false)),
            Tables.queues(List.of(QUEUE), new Units(false)), Tables.port(DETAIL, new Units(false)))) {
            table.lines().forEach(line -> assertTrue(line.length() <= 100, line.length() + ": " + line));
        }
    }

    @Test
    void thePortsHaveTotalsRatesAndReasons() {
        assertEquals("""
            PORT      STATE        MTU  VLAN           IN   IN/S  IN-BYTES    OUT  OUT/S  OUT-BYTES  DROPS
            customer  suspended  65535  trunk 20..  1.23T  14.9M      988P  1.23T  14.9M       988P  18.2M
            customer: dropped bad-descriptor 5000000, frame-ring-full 8000000, mtu-exceeded 2, no-buffer
                              1234567, vlan-not-allowed 4000000
            customer: suspended since 2026-11-30T03:05:00Z; suspended by the operator
            """, Tables.ports(List.of(BUSY), new Units(false)));
        assertTrue(Tables.ports(List.of(BUSY), new Units(true)).contains("  987654321987654321  "));
    }

    @Test
    void onePortFitsOnOneScreen() {
        assertEquals("""
            customer: suspended since 2026-11-30T03:05:00Z
            type        vhost-user, server, /run/ringbridge/customer.sock, 8 queues
            problem     suspended by the operator
            front-end   process 4711, attached at 2026-11-30T03:05:01Z, 17 kicks
            protocol    mq, reply_ack
            features    csum, guest_csum, mrg_rxbuf, ctrl_vq, mq, indirect_desc, event_idx, protocol_features,
                        version_1, ring_packed
            memory      8 GiB in 2 regions: 2 GiB at 0x0, 6 GiB at 0x100000000
            mtu         65535
            vlan        trunk 20,30-39 native 10
            in          1.23T frames, 988P bytes; 14.9M frames/s, 7.62G bit/s
            out         1.23T frames, 988P bytes; 14.9M frames/s, 7.62G bit/s
            drops       18.2M, 1.50M/s
                        1.23M no-buffer: the receiver provides no buffer

            QUEUE  KIND  WORKER  STATE    LAYOUT   SIZE  POSITION  FRAMES  BYTES  DROPS
               15  tx        63  enabled  packed  32768     32767   1.23T   988P  18.2M
            """, Tables.port(DETAIL, new Units(false)));
    }

    @Test
    void longChecksAreIndented() {
        assertEquals("""
            ok       socket     /run/ringbridge/vm1.sock exists: user root and group root (rw-rw----) may
                                connect, but only user root (rwx------) may enter /run/ringbridge
            problem  front-end  absent
            """, Tables.checks(List.of(new CheckView("socket", "ok", "/run/ringbridge/vm1.sock exists: user root and "
                + "group root (rw-rw----) may connect, but only user root (rwx------) may enter /run/ringbridge"),
                new CheckView("front-end", "problem", "absent"))));
    }

    @Test
    void thePortAndItsQueuesAreFlatInJson() {
        final String json = Json.write(DETAIL);
        assertTrue(json.startsWith("{\"name\":\"customer\","), json);
        assertTrue(json.contains("\"rings\":[{\"port\":\"customer\",\"index\":15,"), json);
        assertTrue(json.contains("\"position\":32767"), json);
        assertTrue(json.contains("\"front_end\":{\"process\":\"process 4711\","), json);
    }
}
