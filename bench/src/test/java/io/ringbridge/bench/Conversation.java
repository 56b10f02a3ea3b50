package io.ringbridge.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.bench.harness.Await;
import io.ringbridge.bench.harness.QemuGuest;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What one guest says to another while something happens to the second, or to the switch: a ping, a TCP connection, datagrams. */
final class Conversation {
    private static final int PING_MILLIS = 5;
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int LOAD_SECONDS = 6;
    private static final double INTERVAL_SECONDS = 0.1;
    private static final int MILLIS_A_SECOND = 1000;
    private static final long BEGUN = 1_000_000;
    private static final Pattern SEQUENCE = Pattern.compile("seq=(\\d+)");

    private final QemuGuest from;
    private final String address;

    /** What was not answered. */
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
        from.console().check("ping -i 0.00" + PING_MILLIS + " " + address + " >/tmp/ping 2>&1 & echo $! >/tmp/ping.pid", LIMIT);
        awaitAnswers(1);
    }

    /** Ends the ping once it was answered again. */
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

    /** Waits until the ping was answered so many times more. */
    void awaitAnswers(final int more) {
        final int before = answers();
        Await.until("answers to the ping", LIMIT, () -> answers() >= before + more);
    }

    private int answers() {
        return Integer.parseInt(from.console().check("grep -c seq= /tmp/ping; :", LIMIT).trim());
    }

    /** Has a command run that listens at a port, and returns when it does. */
    private static void listen(final QemuGuest to, final int port, final String command) {
        to.console().check(command, LIMIT);
        // As the kernel lists it; 0A is the state of a socket that listens.
        to.console().check(String.format("until grep -q ':%04X 00000000:0000 0A' /proc/net/tcp; do usleep 20000; done", port), LIMIT);
    }

    /** Begins to send 500 datagrams a second, for so long; returns when they come. */
    void startDatagrams(final QemuGuest to, final int seconds) {
        listen(to, 7001, "iperf3 -s -4 -1 -D -p 7001");
        final int before = datagrams(to);
        from.console().check("rm -f /tmp/udp; (iperf3 -J -u -b 2M -l 500 -t " + seconds + " -c " + address
            + " -p 7001 >/tmp/udp.part 2>&1; mv /tmp/udp.part /tmp/udp) >/dev/null 2>&1 &", LIMIT);
        // The first of them, by which the two ends find each other, is sent only once.
        Await.until("datagrams", LIMIT, () -> datagrams(to) > before + 20);
    }

    private static int datagrams(final QemuGuest to) {
        return Integer.parseInt(to.console().check("awk '/^Udp:/ { n = $2 } END { print n }' /proc/net/snmp", LIMIT).trim());
    }

    /** Waits until all datagrams were sent, and says how many did not come. */
    String endDatagrams() {
        Await.until("the end of the datagrams", LIMIT, () -> from.console().run("[ -e /tmp/udp ]", LIMIT).status() == 0);
        final JsonNode said = parsed(from.console().check("cat /tmp/udp", LIMIT));
        final JsonNode sum = said.at("/end/sum");
        assertTrue(sum.path("packets").asInt() > 0, said::toString);
        return sum.path("lost_packets").asInt() + " of " + sum.path("packets").asInt() + " datagrams lost";
    }

    /** Begins to send by iperf3, over TCP and as fast as it gets, for {@value #LOAD_SECONDS} s; returns when it comes. */
    void startLoad(final QemuGuest to) {
        listen(to, 7002, "iperf3 -J -s -4 -1 -D -i 0.1 -p 7002");
        from.console().check("rm -f /tmp/load; (iperf3 -J -4 --get-server-output -i 0.1 -t " + LOAD_SECONDS + " -c " + address
            + " -p 7002 >/tmp/load.part 2>&1; mv /tmp/load.part /tmp/load) >/dev/null 2>&1 &", LIMIT);
        // Other streams' bytes count as well, so not before its connections, one of them for data, are established: 01.
        to.console().check("until [ $(grep -c ':1B5A .* 01 ' /proc/net/tcp) -ge 2 ]; do usleep 20000; done", LIMIT); // 1B5A: 7002
        final long before = received(to);
        Await.until("iperf3's bytes", LIMIT, () -> received(to) > before + BEGUN);
    }

    private static long received(final QemuGuest to) {
        return Long.parseLong(to.console().check("cat /sys/class/net/eth0/statistics/rx_bytes", LIMIT).trim());
    }

    /** Waits until iperf3 has ended well, and says for how long nothing came by it; in ms, as exact as its intervals. */
    int endLoad() {
        Await.until("the end of iperf3", LIMIT, () -> from.console().run("[ -e /tmp/load ]", LIMIT).status() == 0);
        final JsonNode load = parsed(from.console().check("cat /tmp/load", LIMIT));
        final JsonNode intervals = load.at("/server_output_json/intervals");
        assertTrue(load.at("/end/sum_received/bytes").asLong() > BEGUN && !intervals.isEmpty() && !load.has("error"), load::toString);
        double longest = 0;
        double silent = 0;
        for (final JsonNode interval : intervals) {
            final double seconds = interval.at("/sum/seconds").asDouble();
            if (interval.at("/sum/bytes").asLong() == 0) {
                silent += seconds;
            } else { // one that is too long ended when something came
                longest = Math.max(longest, silent + seconds - INTERVAL_SECONDS);
                silent = 0;
            }
        }
        return (int) Math.round(Math.max(longest, silent) * MILLIS_A_SECOND);
    }

    private static JsonNode parsed(final String said) {
        try {
            return JSON.readTree(said);
        } catch (final JsonProcessingException e) {
            throw new AssertionError("iperf3 said " + said, e);
        }
    }

    /** Begins to send over one TCP connection; returns when it is there. */
    void startStream(final QemuGuest to, final int megabytes) {
        listen(to, 7000, "rm -f /tmp/sum; (tail -f /dev/null | nc -l -p 7000 | md5sum >/tmp/sum) >/dev/null 2>&1 &");
        from.console().check("rm -f /tmp/sum; ((yes ringbridge | head -c " + megabytes + "000000 | tee /tmp/sent | nc " + address
            + " 7000); md5sum </tmp/sent >/tmp/sum) >/dev/null 2>&1 &", LIMIT);
        to.console().check("until grep -q ':1B58 .* 01 ' /proc/net/tcp; do usleep 20000; done", LIMIT); // 1B58: 7000; 01: established
    }

    /** Waits for the end of what was sent, all of which has to have come. */
    void assertStream(final QemuGuest to) {
        final boolean ended = Await.holds(LIMIT, () -> hasSum(to) && hasSum(from));
        assertTrue(ended, () -> "the stream has not ended; where it goes to:\n" + network(to) + "where it comes from:\n" + network(from));
        assertEquals(sum(from), sum(to), "the stream");
    }

    private static boolean hasSum(final QemuGuest guest) {
        return guest.console().run("[ -s /tmp/sum ]", LIMIT).status() == 0;
    }

    private static String sum(final QemuGuest guest) {
        return guest.console().check("cat /tmp/sum", LIMIT).strip();
    }

    private static String network(final QemuGuest guest) {
        return guest.console().run("cat /proc/net/tcp /proc/net/dev; grep Tcp: /proc/net/snmp; grep virtio /proc/interrupts; ps", LIMIT)
            .output();
    }
}
