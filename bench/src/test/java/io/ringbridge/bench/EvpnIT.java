package io.ringbridge.bench;

import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.Machine;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The tests of {@link VxlanIT} with EVPN: FRR announces the hosts and their stations to each other, as in
 * {@code docs/uplinks.md}.
 */
class EvpnIT extends VxlanIT {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String ZEBRA = "/usr/lib/frr/zebra";
    private static final String BGPD = "/usr/lib/frr/bgpd";

    @Override
    void join(final NetworkNamespace host, final int own, final int other) {
        Required.programs(ZEBRA, BGPD, "bridge");
        host.run("ip", "link", "add", "vxlan42", "type", "vxlan", "id", "42", "local", address(own), "dstport", "4789",
            "nolearning");
        host.run("ip", "link", "set", "vxlan42", "master", "br0", "up");
        host.run("ip", "link", "set", "vxlan42", "type", "bridge_slave", "learning", "off");
        final Path directory = Machine.temporaryDirectory(0);
        opened(() -> Machine.delete(directory));
        start(host, directory, ZEBRA, "");
        start(host, directory, BGPD, """
            router bgp 65000
             bgp router-id %1$s
             no bgp default ipv4-unicast
             neighbor %2$s remote-as 65000
             neighbor %2$s timers connect 1
             address-family l2vpn evpn
              neighbor %2$s activate
              advertise-all-vni
            """.formatted(address(own), address(other)));
    }

    /** Starts a daemon of FRR, which drops root privileges. */
    private void start(final NetworkNamespace host, final Path directory, final String program,
        final String configuration) {
        final Path file = directory.resolve(Path.of(program).getFileName() + ".conf");
        try {
            Files.writeString(file, configuration);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        host.run("chown", "-R", "frr:frr", directory.toString());
        opened(host.start(program, "-f", file.toString(), "-i", file + ".pid", "-z",
            directory.resolve("zserv").toString(), "--vty_socket", directory.toString(), "-P", "0", "--log", "stdout"));
    }

    /** Waits until FRR has announced the hosts, because a host floods frames only to announced hosts. */
    @BeforeEach
    void awaitHosts() {
        for (final NetworkNamespace host : new NetworkNamespace[] {east(), west()}) {
            Await.until("the announcement of the other host", LIMIT,
                () -> stations(host).contains("00:00:00:00:00:00 dst "));
        }
    }

    @Test
    void guestsAreAnnouncedToTheOtherHost() throws IOException {
        final Station guest = opened(new Station(eastSwitch(), "b", 5));
        eastSwitch().awaitState("running", LIMIT, "b");
        guest.assertReaches(eastGuest(), 100);
        awaitAnnouncement("52:54:00:00:00:05", west(), 1);
    }

    @Override
    void awaitLearnedInWest(final String station) {
        super.awaitLearnedInWest(station);
        awaitAnnouncement(station, east(), 2);
    }

    private static void awaitAnnouncement(final String station, final NetworkNamespace host, final int where) {
        final String entry = station + " dst " + address(where) + " self extern_learn";
        Await.until("the announcement of " + station + " to " + host.name(), LIMIT,
            () -> stations(host).contains(entry));
    }

    private static String stations(final NetworkNamespace host) {
        return host.run("bridge", "fdb", "show", "dev", "vxlan42");
    }
}
