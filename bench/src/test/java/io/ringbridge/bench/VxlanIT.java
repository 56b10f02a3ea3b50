package io.ringbridge.bench;

import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Two hosts, each of which is a network namespace with a switch. The switch's tap and a VXLAN device are ports of a
 * kernel bridge, as in {@code docs/uplinks.md}.
 */
class VxlanIT {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    /** 1500 minus the headers that VXLAN adds. */
    private static final int MTU = 1450;

    @TempDir
    private Path directory;

    private final List<AutoCloseable> open = new ArrayList<>();
    private NetworkNamespace east;
    private NetworkNamespace west;
    private SwitchProcess eastSwitch;
    private SwitchProcess westSwitch;
    private Station eastGuest;
    private Station westGuest;

    @BeforeEach
    void start() throws IOException {
        Required.programs("ping", "tcpdump", "tshark");
        east = opened(NetworkNamespace.create("east"));
        west = opened(NetworkNamespace.create("west"));
        east.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", west.name());
        host(east, 1);
        host(west, 2);
        join(east, 1, 2);
        join(west, 2, 1);
        eastSwitch = startSwitch(east);
        westSwitch = startSwitch(west);
        eastGuest = opened(new Station(eastSwitch, "a", 2));
        westGuest = opened(new Station(westSwitch, "a", 3));
        eastSwitch.awaitState("running", LIMIT, "a", "up");
        westSwitch.awaitState("running", LIMIT, "a", "up");
    }

    final <T extends AutoCloseable> T opened(final T closeable) {
        open.add(closeable);
        return closeable;
    }

    private static void host(final NetworkNamespace host, final int own) {
        host.run("ip", "addr", "add", address(own) + "/24", "dev", "eth0");
        host.run("ip", "link", "set", "eth0", "up");
        host.run("ip", "link", "add", "br0", "type", "bridge");
        host.run("ip", "link", "set", "br0", "up");
    }

    static String address(final int host) {
        return "192.0.2." + host;
    }

    /** Connects the bridge of a host to that of the other host. */
    void join(final NetworkNamespace host, final int own, final int other) {
        host.run("ip", "link", "add", "vxlan42", "type", "vxlan", "id", "42", "local", address(own), "remote",
            address(other), "dstport", "4789");
        host.run("ip", "link", "set", "vxlan42", "master", "br0", "up");
    }

    /** Waits until the east host has learned that a station is at the west host. */
    void awaitLearnedInWest(final String station) {
        Await.until("the east host to learn the new location of " + station, LIMIT,
            () -> "up".equals(eastSwitch.portOf(station)));
    }

    final NetworkNamespace east() {
        return east;
    }

    final SwitchProcess eastSwitch() {
        return eastSwitch;
    }

    final Station eastGuest() {
        return eastGuest;
    }

    final NetworkNamespace west() {
        return west;
    }

    private SwitchProcess startSwitch(final NetworkNamespace host) {
        return opened(SwitchProcess.start(new SwitchConfig().inNamespace(host.name()).set("poll", "adaptive")
            .server("a").server("b").tap("up", "tap0").master("br0").mtu(MTU)));
    }

    @AfterEach
    void stop() throws Exception {
        for (final AutoCloseable closeable : open.reversed()) {
            closeable.close();
        }
    }

    @Test
    void guestsOfTwoHostsReachEachOther() {
        try (Tshark wire = Tshark.capture(east, "eth0", directory.resolve("captured.pcap"), "udp port 4789")) {
            for (final int length : new int[] {60, 100, MTU + 14}) {
                eastGuest.assertReaches(westGuest, length);
                westGuest.assertReaches(eastGuest, length);
            }
            assertEquals(6, wire.await(6, "vxlan.vni == 42 && eth.type == 0x88b5", "vxlan.vni").size());
        }
        assertEquals("up", eastSwitch.portOf("52:54:00:00:00:03"));
        assertEquals("up", westSwitch.portOf("52:54:00:00:00:02"));
    }

    @Test
    void aHostReachesAGuestOfTheOtherHost() {
        east.run("ip", "addr", "add", "10.78.0.1/24", "dev", "br0");
        westGuest.assertAnswers(east, MTU - 28);
        assertTrue(westSwitch.port("up").path("drops").isEmpty(), () -> westSwitch.port("up").toString());
    }

    /** The hosts learn the new location of a guest from the first frame that it sends. */
    @Test
    void aMovedGuestIsReachableAtItsNewHost() throws IOException {
        final Station neighbour = opened(new Station(eastSwitch, "b", 4));
        eastGuest.assertReaches(neighbour, 100);
        neighbour.assertReaches(eastGuest, 100);
        assertEquals("a", eastSwitch.portOf("52:54:00:00:00:02"));
        open.remove(eastGuest);
        eastGuest.close();
        final Station moved = opened(new Station(westSwitch, "b", 2));
        westSwitch.awaitState("running", LIMIT, "b");
        moved.assertReaches(neighbour, 100);
        awaitLearnedInWest("52:54:00:00:00:02");
        neighbour.assertReaches(moved, 100);
        westGuest.assertReaches(moved, 100);
    }
}
