package io.ringbridge.bench.peer;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.peer.Testpmd.Statistics;
import org.junit.jupiter.api.Test;

import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class TestpmdTest {
    private static final String STATISTICS = """
          ######################## NIC statistics for port %d  ########################
          RX-packets: 1000000    RX-missed: 3          RX-bytes:  423216516
          RX-errors: 4
          RX-nombuf:  0
          TX-packets: 50000      TX-errors: 5          TX-bytes:  21000000

          Throughput (since last show)
          Rx-pps:       617664          Rx-bps:   2091116352
          Tx-pps:            7          Tx-bps:            0
          ############################################################################
        """;

    @Test
    void theStatisticsOfEveryPortAreParsed() {
        final Statistics expected = new Statistics(1_000_000, 3, 423_216_516, 50_000, 5, 21_000_000, 617_664);
        assertEquals(List.of(expected, expected), Statistics.parse(STATISTICS.formatted(0) + STATISTICS.formatted(1)));
    }

    @Test
    void aTextWithoutStatisticsIsAnError() {
        assertThrows(BenchException.class, () -> Statistics.parse("Invalid port 3"));
    }

    @Test
    void aPromptIsRecognisedDespiteInterleavedLogLines() {
        final String whole = "show port summary all\n1    52:54:00:00:00:B0 net_virtio_user1 net_virtio_user "
            + "down\ntestpmd> ";
        final int begin = whole.lastIndexOf("testpmd");
        assertEquals(begin, prompt(whole, 0).start());
        for (int at = begin; at < whole.length(); at++) {
            final String cut = whole.substring(0, at) + "handler(): test: failed\nhandler(): failed\n"
                + whole.substring(at);
            assertEquals(cut.length(), prompt(cut, 0).end(), cut);
            assertFalse(Testpmd.PROMPT.matcher(cut.substring(0, cut.length() - 1)).find(), cut);
        }
        assertEquals(whole.length() * 2, prompt(whole + whole, whole.length()).end());
    }

    private static MatchResult prompt(final String output, final int from) {
        final Matcher matcher = Testpmd.PROMPT.matcher(output);
        assertTrue(matcher.find(from), output);
        return matcher.toMatchResult();
    }

    @Test
    void devicesPrecedeTheOptionsOfTestpmd() {
        final List<String> command = new Testpmd.Builder("x", 1).device(Testpmd.vhost(0, Path.of("/a.sock")))
            .option("--txd=64").command();
        assertTrue(command.indexOf("--vdev=net_vhost0,iface=/a.sock,queues=1") < command.indexOf("--"));
        assertTrue(command.indexOf("--") < command.indexOf("--txd=64"));
        assertTrue(command.contains("--no-huge"));
        assertTrue(new Testpmd.Builder("x", 1).hugepages(true).command().contains("--in-memory"));
    }
}
