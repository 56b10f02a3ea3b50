package io.ringbridge.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.bench.harness.QemuGuest;
import io.ringbridge.bench.machine.Await;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Traffic from one guest to another while a test disturbs the second guest or the switch: a ping, TCP connections,
 * datagrams.
 */
final class Conversation {
    private static final int PING_MILLIS = 5;
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int LOAD_SECONDS = 6;
    private static final double INTERVAL_SECONDS = 0.1;
    private static final int MILLIS_PER_SECOND = 1000;
    private static final long STARTED_BYTES = 1_000_000;
    private static final Pattern SEQUENCE = Pattern.compile("seq=(\\d+)");

    private final QemuGuest from;
    private final String address;

    /** The pings without a reply, and the longest time between two replies. */
    record Silence(int lost, int millis) {
        @Override
        public String toString() {
            return lost + " pings lost, silence " + millis + " ms";
        }
    }

    Conversation(final QemuGuest from, final String address) {
        this.from = from;
        this.address = address;
    }

    void startPing() {
        from.console().check("ping -i 0.00" + PING_MILLIS + " " + address + " >/tmp/ping 2>&1 & echo $! >/tmp/ping.pid",
            LIMIT);
        awaitAnswers(1);
    }

    /** Ends the ping after it has been answered again. */
    Silence endPing() {
        awaitAnswers(20);
        final String ping = from.console().check("kill -INT $(cat /tmp/ping.pid); usleep 100000; cat /tmp/ping", LIMIT);
        assertFalse(ping.contains("DUP"), ping);
        final Matcher matcher = SEQUENCE.matcher(ping);
        int last = -1;
        int lost = 0;
        int longest = 0;
        while (matcher.find()) {
            final int sequence = Integer.parseInt(matcher.group(1));
            if (last >= 0) {
                lost += sequence - last - 1;
                longest = Math.max(longest, sequence - last);
            }
            last = sequence;
        }
        return new Silence(lost, longest * PING_MILLIS);
    }

    /** Waits for that many more replies to the ping. */
    void awaitAnswers(final int more) {
        final int before = answers();
        Await.until("answers to the ping", LIMIT, () -> answers() >= before + more);
    }

    private int answers() {
        return Integer.parseInt(from.console().check("grep -c seq= /tmp/ping; :", LIMIT).trim());
    }

    /** Runs a command that listens on a port, and waits until the command listens. */
    private static void listen(final QemuGuest to, final int port, final String command) {
        to.console().check(command, LIMIT);
        // In the kernel's list, 0A is the state of a listening socket.
        to.console().check(String.format("until grep -q ':%04X 00000000:0000 0A' /proc/net/tcp; do usleep 20000; done",
            port), LIMIT);
    }

    /** Starts sending 500 datagrams per second for that many seconds, and waits until the first ones arrive. */
    void startDatagrams(final QemuGuest to, final int seconds) {
        listen(to, 7001, "iperf3 -s -4 -1 -D -p 7001");
        final int before = datagrams(to);
        from.console().check("rm -f /tmp/udp; (iperf3 -J -u -b 2M -l 500 -t " + seconds + " -c " + address
            + " -p 7001 >/tmp/udp.part 2>&1; mv /tmp/udp.part /tmp/udp) >/dev/null 2>&1 &", LIMIT);
        // iperf3 sends its first datagram, by which the two ends find each other, only once.
        Await.until("datagrams", LIMIT, () -> datagrams(to) > before + 20);
    }

    private static int datagrams(final QemuGuest to) {
        return Integer.parseInt(to.console().check("awk '/^Udp:/ { n = $2 } END { print n }' /proc/net/snmp", LIMIT)
            .trim());
    }

    /** Waits until all datagrams have been sent, and returns a text with the number that was lost. */
    String endDatagrams() {
        Await.until("the end of the datagrams", LIMIT,
            () -> from.console().run("[ -e /tmp/udp ]", LIMIT).status() == 0);
        final JsonNode result = parse(from.console().check("cat /tmp/udp", LIMIT));
        final JsonNode sum = result.at("/end/sum");
        assertTrue(sum.path("packets").asInt() > 0, result::toString);
        return sum.path("lost_packets").asInt() + " of " + sum.path("packets").asInt() + " datagrams lost";
    }

    /**
     * Starts sending with iperf3 over TCP at full speed, for {@value #LOAD_SECONDS} s, and waits until the first bytes
     * arrive.
     */
    void startLoad(final QemuGuest to) {
        listen(to, 7002, "iperf3 -J -s -4 -1 -D -i 0.1 -p 7002");
        from.console().check("rm -f /tmp/load; (iperf3 -J -4 --get-server-output -i 0.1 -t " + LOAD_SECONDS
            + " -c " + address
            + " -p 7002 >/tmp/load.part 2>&1; mv /tmp/load.part /tmp/load) >/dev/null 2>&1 &", LIMIT);
        // Other streams' bytes count as well, so this waits for iperf3's two connections, one of which carries data.
        // In the kernel's list, 1B5A is port 7002, and 01 the state of an established connection.
        to.console().check("until [ $(grep -c ':1B5A .* 01 ' /proc/net/tcp) -ge 2 ]; do usleep 20000; done", LIMIT);
        final long before = received(to);
        Await.until("iperf3's bytes", LIMIT, () -> received(to) > before + STARTED_BYTES);
    }

    private static long received(final QemuGuest to) {
        return Long.parseLong(to.console().check("cat /sys/class/net/eth0/statistics/rx_bytes", LIMIT).trim());
    }

    /**
     * Waits until iperf3 has succeeded.
     *
     * @return the longest time without data in ms, with the accuracy of iperf3's intervals
     */
    int endLoad() {
        Await.until("the end of iperf3", LIMIT, () -> from.console().run("[ -e /tmp/load ]", LIMIT).status() == 0);
        final JsonNode load = parse(from.console().check("cat /tmp/load", LIMIT));
        final JsonNode intervals = load.at("/server_output_json/intervals");
        assertTrue(load.at("/end/sum_received/bytes").asLong() > STARTED_BYTES && !intervals.isEmpty()
            && !load.has("error"), load::toString);
        double longest = 0;
        double silent = 0;
        for (final JsonNode interval : intervals) {
            final double seconds = interval.at("/sum/seconds").asDouble();
            if (interval.at("/sum/bytes").asLong() == 0) {
                silent += seconds;
            } else { // an interval that is too long ends when data arrives
                longest = Math.max(longest, silent + seconds - INTERVAL_SECONDS);
                silent = 0;
            }
        }
        return (int) Math.round(Math.max(longest, silent) * MILLIS_PER_SECOND);
    }

    private static JsonNode parse(final String output) {
        try {
            return JSON.readTree(output);
        } catch (final JsonProcessingException e) {
            throw new AssertionError("the output of iperf3 is not JSON: " + output, e);
        }
    }

    /** Starts sending over one TCP connection, and waits until it is established. */
    void startStream(final QemuGuest to, final int megabytes) {
        listen(to, 7000, "rm -f /tmp/sum; (tail -f /dev/null | nc -l -p 7000 | md5sum >/tmp/sum) >/dev/null 2>&1 &");
        from.console().check("rm -f /tmp/sum; ((yes ringbridge | head -c " + megabytes
            + "000000 | tee /tmp/sent | nc " + address
            + " 7000); md5sum </tmp/sent >/tmp/sum) >/dev/null 2>&1 &", LIMIT);
        // In the kernel's list, 1B58 is port 7000, and 01 the state of an established connection.
        to.console().check("until grep -q ':1B58 .* 01 ' /proc/net/tcp; do usleep 20000; done", LIMIT);
    }

    /** Waits for the end of the stream, and checks that all of it has arrived unchanged. */
    void assertStream(final QemuGuest to) {
        final boolean ended = Await.holds(LIMIT, () -> hasSum(to) && hasSum(from));
        assertTrue(ended, () -> "the stream has not ended; its receiver:\n" + network(to) + "its sender:\n"
            + network(from));
        assertEquals(sum(from), sum(to), "the stream");
    }

    private static boolean hasSum(final QemuGuest guest) {
        return guest.console().run("[ -s /tmp/sum ]", LIMIT).status() == 0;
    }

    private static String sum(final QemuGuest guest) {
        return guest.console().check("cat /tmp/sum", LIMIT).strip();
    }

    private static String network(final QemuGuest guest) {
        return guest.console().run("cat /proc/net/tcp /proc/net/dev; grep Tcp: /proc/net/snmp; grep virtio "
            + "/proc/interrupts; ps", LIMIT)
            .output();
    }
}
