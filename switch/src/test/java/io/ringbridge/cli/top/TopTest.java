package io.ringbridge.cli.top;

import io.ringbridge.api.PortView;
import io.ringbridge.api.RatesView;
import io.ringbridge.api.WorkerView;
import org.jline.utils.AttributedString;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Timeout(60)
class TopTest {
    private static final long SECOND = 1_000_000_000L;
    private static final WorkerView WORKER = new WorkerView(0, 3, 2, 0.5, 10, 52.5, 3.5, 1500, 1);

    private static PortView port(final String name, final long frames, final Map<String, Long> drops) {
        return new PortView(name, "vhost-user", "/tmp/a", null, null, null, "server", "running", null, "then", null, 1,
            1500, null, null, List.of(), frames, 64 * frames, 2 * frames, 128 * frames, drops, RatesView.NONE);
    }

    private static Snapshot at(final long seconds, final PortView... ports) {
        return new Snapshot(seconds * SECOND, List.of(ports), List.of(WORKER));
    }

    private static List<String> draw(final Snapshot before, final Snapshot now, final int columns, final int rows) {
        return Screen.draw(before, now, columns, rows, false).stream().map(AttributedString::toString)
            .map(String::stripTrailing).toList();
    }

    @Test
    void ratesAndReasonsAreThoseBetweenTwoReadings() {
        final Snapshot before = at(1, port("vm1", 1000, Map.of("no-buffer", 5L, "mtu-exceeded", 2L)));
        final Snapshot now = at(3, port("vm1", 5000, Map.of("no-buffer", 25L, "mtu-exceeded", 2L)),
            port("new", 9000, Map.of()));
        assertEquals(List.of(
            "2 ports   in 2000/s, 1.02M bit/s   out 4000/s, 2.05M bit/s   drops 10/s",
            "",
            "PORT     STATE        IN/S IN-BIT/S   OUT/S OUT-BIT/S DROPS/S  REASON",
            "vm1      running      2000    1.02M    4000     2.05M      10  no-buffer 10",
            "new      running         0        0       0         0       0",
            "",
            "WORKER CPU BUSY                        CYCLES/FRAME LONGEST-US STALLS",
            "0        3  50% [##########          ]           53        1.5      1",
            "q quits"), draw(before, now, 100, 30));
    }

    @Test
    void everyScreenFits() {
        final PortView[] many = IntStream.range(0, 50).mapToObj(i -> port("vm" + i, i, Map.of("no-buffer", 9L)))
            .toArray(PortView[]::new);
        for (int rows = 1; rows < 70; rows += 3) {
            for (final int columns : new int[] {1, 20, 80, 200}) {
                final List<AttributedString> lines = Screen.draw(null, at(1, many), columns, rows, true);
                assertTrue(lines.size() <= rows, lines.size() + " of " + rows);
                lines.forEach(line -> assertTrue(line.columnLength() <= columns, line.toString()));
            }
        }
        assertTrue(draw(null, at(1, many), 80, 20).contains("and 38 more"), draw(null, at(1, many), 80, 20).toString());
    }

    @Test
    void theSumsFitANarrowTerminal() {
        final Map<String, Long> drops = Map.of("no-buffer", 333_300_000L);
        final String sums = draw(at(1, port("vm1", 0, Map.of())), at(2, port("vm1", 111_100_000, drops)), 80, 24)
            .getFirst();
        assertEquals("1 ports   in 111M/s, 56.9G bit/s   out 222M/s, 114G bit/s   drops 333M/s", sums);
    }

    @Test
    void theProblemOfAPortIsItsReason() {
        final PortView waiting = new PortView("vm1", "vhost-user", "/a", null, null, null, "server", "waiting", null,
            "then", "no front-end has connected", 1, 1500, null, null, List.of(), 0, 0, 0, 0, Map.of(), RatesView.NONE);
        assertEquals("vm1      waiting         0        0       0         0       0  no front-end has connected",
            draw(null, at(1, waiting), 100, 24).get(3));
    }

    @Test
    void coloursAreOptional() {
        final Snapshot before = at(1, port("vm1", 0, Map.of("no-buffer", 1L)));
        final Snapshot now = at(2, port("vm1", 0, Map.of("no-buffer", 2L)));
        assertTrue(Screen.draw(before, now, 80, 24, true).stream().anyMatch(line -> line.toAnsi().contains("\033[")));
        assertFalse(Screen.draw(before, now, 80, 24, false).stream().anyMatch(line -> line.toAnsi().contains("\033[")));
    }
}
