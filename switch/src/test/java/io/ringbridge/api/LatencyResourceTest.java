package io.ringbridge.api;

import com.fasterxml.jackson.core.type.TypeReference;
import org.junit.jupiter.api.Test;

import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** Latencies and interruptions in the API, as JSON and as tables. */
class LatencyResourceTest extends ApiFixture {
    @Test
    void latencyHasPercentilesPerPort() {
        final String some = "{\"p50\":1000,\"p90\":2000,\"p99\":3000,\"p999\":4000,\"max\":5000}";
        final String json = client.get("/v1/latency");
        assertEquals("{\"port\":\"a\",\"samples\":2,\"since\":\"2026-11-30T12:00:00Z\",\"total_nanos\":" + some
            + ",\"frame_ring_nanos\":" + some + "}", json.substring(json.indexOf("{\"port"),
            json.indexOf(",{\"port")));
        assertEquals(fake.latency().view(null), Json.read(json, LatencyView.class));
        assertEquals("""
            PORT  SAMPLES  P50-US  P90-US  P99-US  P99.9-US  MAX-US  RING-P99-US  SINCE
            a           2     1.0     2.0     3.0       4.0     5.0          3.0  2026-11-30T12:00:00Z
            b           0       -       -       -         -       -            -  2026-11-30T12:00:00Z
            sampling is off""", client.table("/v1/latency?port=a%20b").strip());
        assertEquals(List.of("latency null", "latency null", "latency a b"), fake.done);
    }

    @Test
    void interruptionsAreListed() {
        assertEquals("[{\"port\":\"a\",\"cause\":\"upgrade\",\"start\":\"2026-11-30T12:00:00.500Z\","
            + "\"nanos\":27300000,\"ongoing\":false},{\"port\":\"b\",\"cause\":\"reconnect\","
            + "\"start\":\"2026-11-30T12:00:01.000Z\",\"nanos\":3200000000,\"ongoing\":true}]",
            client.get("/v1/interruptions"));
        assertEquals(fake.interruptions().views("a"), Json.readList(client.get("/v1/interruptions?port=a"),
            new TypeReference<List<InterruptionView>>() { }));
        assertEquals("""
            PORT  CAUSE      START                     LENGTH
            a     upgrade    2026-11-30T12:00:00.500Z  27.3 ms
            b     reconnect  2026-11-30T12:00:01.000Z  3.2 s so far""",
            client.table("/v1/interruptions").strip());
        assertEquals(404, assertThrows(ApiException.class,
            () -> client.get("/v1/interruptions?port=none")).status());
        assertEquals(400, assertThrows(ApiException.class,
            () -> client.get("/v1/interruptions?vlan=1")).status());
    }
}
