package io.ringbridge.bench.compare;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ReportTest {
    private static final Report.Work WORK = new Report.Work(Kind.FRAMES, Variant.SPLIT, 64);

    private final Report report = new Report(List.of(Contender.RINGBRIDGE, Contender.PIPE));

    private void add(final Contender contender, final double millions, final double nearestNanos,
        final double farthestNanos) {
        report.add(WORK, contender, new Measurement(millions * 1e6, 1, 0, nearestNanos, farthestNanos, 2048, 0));
    }

    @Test
    void onlyRunsWithTheProcessorsEquallyNearAreCompared() throws IOException {
        add(Contender.RINGBRIDGE, 6, 300, 350);
        add(Contender.RINGBRIDGE, 18, 60, 80);
        add(Contender.PIPE, 12, 50, 90);
        add(Contender.PIPE, 20, 60, 340);
        add(Contender.PIPE, 8, 310, 340);

        final List<String> rows = report.table().lines().toList();
        assertEquals(4, rows.size(), "a header, a rule, near and apart: " + rows);
        assertTrue(rows.get(2).contains("| near | 18.00 (18.00) of 1 | 12.00 (12.00) of 1 | 1.50 |"), rows.get(2));
        assertTrue(rows.get(3).contains("| apart | 6.00 (6.00) of 1 | 8.00 (8.00) of 1 | 0.75 |"), rows.get(3));

        final JsonNode work = new ObjectMapper().readTree(report.json(new Placement(0, 1, true))).path("works").path(0);
        assertEquals(1.5, work.path("ringbridge_to_pipe").asDouble(), 1e-9);
        assertEquals(List.of("near", "moved", "apart"), work.path("systems").path(1).findValuesAsText("processors"));
    }

    @Test
    void aTrialCountsOnceEverySystemHadItsProcessorsNear() {
        assertEquals(0, report.fewest());
        add(Contender.RINGBRIDGE, 18, 60, 80);
        add(Contender.PIPE, 12, 300, 340);
        assertEquals(0, report.fewest());
        add(Contender.PIPE, 12, 60, 80);
        assertEquals(1, report.fewest());
    }

    @Test
    void aRunWithoutAMeasuredDistanceDoesNotCount() {
        add(Contender.RINGBRIDGE, 18, 60, 80);
        add(Contender.PIPE, 12, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY);
        assertEquals(0, report.fewest());
        assertFalse(report.table().contains("12.00"), report.table());
    }
}
