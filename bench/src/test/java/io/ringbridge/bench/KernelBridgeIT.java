package io.ringbridge.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.ringbridge.bench.harness.GuestImage;
import io.ringbridge.bench.harness.QemuGuest;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.machine.ProjectRoot;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Compares Ringbridge with the Linux kernel's own bridge with vlan_filtering. Both have the same four ports and receive
 * the same frames in the same order. They must forward the same frames to the same ports, and learn the same stations.
 * The kernel's bridge runs in a guest, because not every kernel that tests run on supports VLANs. Ringbridge's ports
 * are guests, a tap and a pcap port. {@code -Dvlan.frames=N} sets the number of frames.
 *
 * <p>{@code docs/architecture.md} lists the intended differences. Two of them can occur among the random frames.
 * Ringbridge accepts no tagged frame on an access port, not even with that port's own VLAN. It also drops a frame if
 * removing a priority tag for a trunk's native VLAN would expose a second tag.
 */
class KernelBridgeIT {
    private static final int FRAMES = Integer.getInteger("vlan.frames", 150);
    private static final int STATIONS = 6;
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String NIC_MAC = "52:54:00:ff:00:0";
    private static final Pattern KNOWN = Pattern.compile("(?m)^(\\S+) dev (\\S+) vlan (\\d+) master br0 *$");
    private static final byte[] BROADCAST = {-1, -1, -1, -1, -1, -1};
    private static final byte[] MULTICAST = {1, 0, 0x5E, 0, 0, 9};
    private static final byte[] MULTICAST_6 = {0x33, 0x33, 0, 0, 0, 9};
    private static final byte[] NO_TAG = {};
    private static final byte[] BPDU = reservedGroup(0);
    /** The reserved groups that a port of either bridge relays: 802.1X and LLDP. */
    private static final String RELAYED = "802.1x+lldp";
    private static final String RELAYED_MASK = "0x4008";
    /** All reserved groups except MAC control, which no bridge relays. */
    private static final String RELAY_ALL = "0xfffd";

    /** The configuration of a port in both bridges. {@code untagged} is 0 if the port accepts no untagged frames. */
    private record Port(int index, int untagged, List<Integer> tagged) {
        private String id() {
            return "p" + index;
        }

        /** Whether the port relays 802.1X and LLDP. */
        private boolean relays() {
            return index % 2 == 0;
        }

        private boolean isIn(final int vlan) {
            return vlan == untagged || tagged.contains(vlan);
        }

        /** Returns the numbers of the other ports in a VLAN. */
        private Set<Integer> others(final int vlan) {
            return PORTS.stream().filter(port -> port.index != index && port.isIn(vlan)).map(Port::index)
                .collect(Collectors.toSet());
        }
    }

    private static final Port ACCESS_10 = new Port(0, 10, List.of());
    private static final Port ACCESS_20 = new Port(1, 20, List.of());
    private static final Port TRUNK = new Port(2, 0, List.of(10, 20, 30));
    private static final Port NATIVE_10 = new Port(3, 10, List.of(20, 30));
    private static final List<Port> PORTS = List.of(ACCESS_10, ACCESS_20, TRUNK, NATIVE_10);

    /** A frame that was sent to both bridges, with its tags as hexadecimal digits. */
    private record Sent(int number, Port from, String tags) {
        /**
         * Whether the frame came from an access port and is tagged with that port's own VLAN. Only the kernel accepts
         * such frames.
         */
        private boolean isDroppedOnPurpose() {
            return from.tagged.isEmpty() && tags.matches("8100.%03x.*".formatted(from.untagged));
        }

        /**
         * Returns the copies expected from Ringbridge, given those of the kernel: the same, except for a second tag
         * behind a priority tag that would leave through a native VLAN.
         */
        private Map<Integer, String> expectedOfOurs(final Map<Integer, String> copiesOfKernel) {
            final Map<Integer, String> expected = new TreeMap<>(copiesOfKernel);
            if (tags.matches("8100.0008100.*")) {
                expected.keySet().removeIf(port -> PORTS.get(port).untagged == from.untagged
                    && !PORTS.get(port).tagged.isEmpty());
            }
            return expected;
        }
    }

    private static Path directory;
    private static List<BridgeEnd.Stream> nics;
    private static List<String> nicNames;
    private static QemuGuest guest;
    private static BridgeUnderTest kernel;
    private static int number;

    private final List<AutoCloseable> open = new ArrayList<>();
    private final SplittableRandom random = new SplittableRandom(5);
    private BridgeUnderTest ours;
    private SwitchProcess ringbridge;

    @BeforeAll
    static void boot() {
        Required.programs(QemuGuest.PROGRAM, "bridge");
        Required.programs(GuestImage.PROGRAMS.toArray(String[]::new));
        final Path cache = ProjectRoot.target().resolve("guest");
        final GuestImage image = Required.resource("guest image",
            () -> GuestImage.create(cache, "bridge", List.of("bridge"), List.of("bridge")));
        directory = Machine.temporaryDirectory(0);
        nics = IntStream.range(0, PORTS.size()).mapToObj(i -> BridgeEnd.stream(directory.resolve("nic" + i))).toList();
        final List<String> devices = new ArrayList<>();
        for (int i = 0; i < PORTS.size(); i++) {
            devices.addAll(List.of("-netdev", "stream,id=nic" + i + ",server=off,addr.type=unix,addr.path="
                + directory.resolve("nic" + i),
                "-device", "virtio-net-pci,disable-legacy=on,romfile=,netdev=nic" + i + ",mac=" + NIC_MAC + i));
        }
        guest = QemuGuest.boot(QemuGuest.Spec.withoutPort("kernel", "192.0.2.1", devices), image, directory);
        nics.forEach(BridgeEnd.Stream::accept);
        kernel = new BridgeUnderTest("the kernel's bridge", nics);
        setUpKernel();
    }

    private static void setUpKernel() {
        nicNames = PORTS.stream().map(port -> inGuest("for d in /sys/class/net/*; do grep -q " + NIC_MAC + port.index()
            + " $d/address && echo ${d##*/}; done; true").strip()).toList();
        inGuest("brctl addbr br0 && cd /sys/class/net/br0/bridge && echo 0 >multicast_snooping && echo 0 >default_pvid "
            + "&& echo 1 >vlan_filtering");
        for (final Port port : PORTS) {
            final String nic = nicNames.get(port.index());
            inGuest("ip addr flush dev " + nic + " && brctl addif br0 " + nic + " && ip link set " + nic + " up");
            if (port.relays()) {
                inGuest("echo " + RELAYED_MASK + " >/sys/class/net/" + nic + "/brport/group_fwd_mask");
            }
            port.tagged.forEach(vlan -> inGuest("bridge vlan add dev " + nic + " vid " + vlan));
            if (port.untagged != 0) {
                inGuest("bridge vlan add dev " + nic + " vid " + port.untagged + " pvid untagged");
            }
        }
        inGuest("ip link set br0 up");
    }

    private static String inGuest(final String command) {
        return guest.console().check(command, LIMIT);
    }

    @AfterAll
    static void end() {
        if (guest != null) {
            guest.close();
        }
        if (nics != null) {
            nics.forEach(BridgeEnd::close);
        }
        if (directory != null) {
            Machine.delete(directory);
        }
    }

    private <T extends AutoCloseable> T opened(final T closeable) {
        open.add(closeable);
        return closeable;
    }

    @AfterEach
    void stop() throws Exception {
        for (final AutoCloseable closeable : open.reversed()) {
            closeable.close();
        }
    }

    /** Starts the switch. The rotation shifts the kinds of its ports: guest, tap or pcap. */
    private void start(final int rotation) {
        final NetworkNamespace namespace = opened(NetworkNamespace.create("vlan" + rotation));
        namespace.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1");
        final BridgeEnd[] ends = new BridgeEnd[PORTS.size()];
        final SwitchConfig config = new SwitchConfig().inNamespace(namespace.name())
            .set("poll", "adaptive");
        for (final Port port : PORTS) {
            final String name = port.id();
            switch ((port.index() + rotation) % PORTS.size()) {
                case 0 -> {
                    ends[port.index()] = opened(BridgeEnd.device(namespace, "far0"));
                    createHub(namespace);
                    config.tap(name, "tap0").master("hub0");
                }
                case 1 -> {
                    ends[port.index()] = opened(BridgeEnd.device(namespace, "if0"));
                    config.pcap(name, Map.of("interface", "if0"));
                }
                default -> config.server(name);
            }
            if (port.untagged != 0) {
                config.vlan(port.untagged);
            }
            if (port.relays()) {
                config.groupForward(RELAYED);
            }
            if (!port.tagged.isEmpty()) {
                config.trunk(port.tagged.stream().map(String::valueOf).collect(Collectors.joining(",")));
            }
        }
        ringbridge = opened(SwitchProcess.start(config));
        for (final String hubPort : List.of("far0", "tap0")) {
            namespace.run("sh", "-c", "echo " + RELAY_ALL + " >/sys/class/net/" + hubPort + "/brport/group_fwd_mask");
        }
        for (final Port port : PORTS) {
            if (ends[port.index()] == null) {
                ends[port.index()] = opened(BridgeEnd.guest(ringbridge, port.id()));
            }
        }
        ringbridge.awaitState("running", LIMIT, PORTS.stream().map(port -> port.id()).toArray(String[]::new));
        ours = new BridgeUnderTest("Ringbridge", List.of(ends));
    }

    /**
     * Connects the tap to the test's device with a kernel bridge that acts as a hub: it has no VLANs and learns no
     * stations.
     */
    private static void createHub(final NetworkNamespace namespace) {
        namespace.run("ip", "link", "add", "hub0", "type", "bridge", "ageing_time", "0", "mcast_snooping", "0");
        namespace.run("ip", "link", "set", "hub0", "up");
        namespace.run("ip", "link", "set", "far0", "master", "hub0");
    }

    private static byte[] station(final int rotation, final int station) {
        return new byte[] {0x52, 0x54, 0, (byte) rotation, 0, (byte) station};
    }

    private static byte[] reservedGroup(final int number) {
        return new byte[] {1, (byte) 0x80, (byte) 0xC2, 0, 0, (byte) number};
    }

    private static byte[] tag(final int type, final int control) {
        return ByteBuffer.allocate(4).putShort((short) type).putShort((short) control).array();
    }

    private static byte[] tags(final byte[] first, final byte[] second) {
        return ByteBuffer.allocate(first.length + second.length).put(first).put(second).array();
    }

    private byte[] randomTags() {
        final int priority = random.nextInt(16) << 12;
        return switch (random.nextInt(14)) {
            case 0, 1, 2, 3 -> NO_TAG;
            case 4 -> tag(0x8100, priority);
            case 5, 6 -> tag(0x8100, priority | 10);
            case 7, 8 -> tag(0x8100, priority | 20);
            case 9 -> tag(0x8100, priority | 30);
            case 10 -> tag(0x8100, priority | (random.nextBoolean() ? 40 : 4095));
            case 11 -> tags(tag(0x8100, priority | 20), tag(0x8100, 30));
            case 12 -> tags(tag(0x8100, priority), tag(0x8100, 30));
            default -> tag(0x88A8, priority | (random.nextBoolean() ? 20 : 0));
        };
    }

    private byte[] randomDestination(final int rotation) {
        return switch (random.nextInt(10)) {
            case 0 -> BROADCAST;
            case 1 -> random.nextBoolean() ? MULTICAST : MULTICAST_6;
            case 2 -> station(rotation, 99);
            case 3 -> reservedGroup(1 + random.nextInt(15));
            default -> station(rotation, random.nextInt(STATIONS));
        };
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void bothBridgesForwardTheSameFramesToTheSamePorts(final int rotation) {
        start(rotation);
        final List<Sent> all = new ArrayList<>();
        for (int i = 0; i < FRAMES; i++) {
            final Port from = PORTS.get(random.nextInt(PORTS.size()));
            final byte[] tags = randomTags();
            final Sent sent = new Sent(number++, from, HexFormat.of().formatHex(tags));
            all.add(sent);
            final byte[] frame = BridgeUnderTest.frame(randomDestination(rotation),
                station(rotation, random.nextInt(STATIONS)), tags, sent.number, 46 + random.nextInt(1000));
            ours.send(from.index(), frame);
            if (!sent.isDroppedOnPurpose()) {
                kernel.send(from.index(), frame);
            }
            settle(rotation, from);
        }
        for (final Port from : PORTS) {
            settle(rotation, from);
        }
        assertTrue(all.stream().filter(sent -> !kernel.seen(sent.number).isEmpty()).count() > FRAMES / 3,
            "frames are forwarded");
        all.forEach(sent -> assertEquals(sent.expectedOfOurs(kernel.seen(sent.number)), ours.seen(sent.number),
            sent::toString));
        assertEquals(stationsOfKernel(rotation), stationsOfOurs(rotation));
        final JsonNode ports = ringbridge.show("ports");
        for (final Port port : PORTS) {
            assertEquals(ports.get(port.index()).path("out_frames").asInt(), ours.received(port.index()),
                "frames out of " + port);
        }
    }

    /**
     * Checks the differences that {@code docs/architecture.md} lists, from an access port to the trunk with a native
     * VLAN.
     */
    @Test
    void theBridgesDifferAsDocumented() {
        // The access ports are guests, and no hub is between the switch and the trunk with a native VLAN.
        final int rotation = 2;
        start(rotation);
        final byte[] mac = station(7, 1);
        assertDiffers("", true, BROADCAST, mac, tag(0x8100, 10), "tag of the access port's own VLAN");
        assertDiffers("01005e00000988b5", false, BROADCAST, MULTICAST, NO_TAG, "group of stations as the source");
        assertDiffers("", true, BPDU, mac, NO_TAG, "frame for the bridges' own group");
        assertDiffers("", true, BROADCAST, mac, tags(tag(0x8100, 0), tag(0x8100, 30)), "tag behind a priority tag");
    }

    /**
     * Checks that the bridges forward a frame from ACCESS_10 to NATIVE_10 differently: Ringbridge's copy has this
     * source, or there is none.
     */
    private void assertDiffers(final String source, final boolean passesKernel, final byte[] destination,
        final byte[] mac, final byte[] tags, final String what) {
        final int sent = number++;
        final byte[] frame = BridgeUnderTest.frame(destination, mac, tags, sent, 46);
        ours.send(ACCESS_10.index(), frame);
        kernel.send(ACCESS_10.index(), frame);
        settle(7, ACCESS_10);
        final String byOurs = ours.seen(sent).getOrDefault(NATIVE_10.index(), "");
        final String byKernel = kernel.seen(sent).getOrDefault(NATIVE_10.index(), "");
        assertEquals(source, byOurs.isEmpty() ? "" : byOurs.substring(12, 12 + source.length()), what);
        assertEquals(passesKernel, !byKernel.isEmpty(), what + " by the kernel");
        assertNotEquals(byOurs, byKernel, what);
    }

    /**
     * Sends one more frame from a port through both bridges, and waits for it at all other ports of the VLAN. By then,
     * both have forwarded all earlier frames.
     */
    private void settle(final int rotation, final Port from) {
        final int vlan = from.untagged != 0 ? from.untagged : from.tagged.getFirst();
        final byte[] tags = from.untagged != 0 ? NO_TAG : tag(0x8100, vlan);
        final byte[] frame = BridgeUnderTest.frame(BROADCAST, station(rotation, 200 + from.index()), tags, number, 46);
        for (final BridgeUnderTest bridge : List.of(ours, kernel)) {
            bridge.send(from.index(), frame);
        }
        for (final BridgeUnderTest bridge : List.of(ours, kernel)) {
            bridge.await(number, from.others(vlan));
        }
        number++;
    }

    /** Returns the stations as {@code address in vlan at port}. */
    private static Set<String> stationsOfKernel(final int rotation) {
        final Set<String> stations = new TreeSet<>();
        final Matcher matcher = KNOWN.matcher(inGuest("bridge fdb show br br0").replace("\r", ""));
        while (matcher.find()) {
            if (matcher.group(1).startsWith(prefix(rotation))) {
                stations.add(matcher.group(1) + " in " + matcher.group(3) + " at "
                    + PORTS.get(nicNames.indexOf(matcher.group(2))).id());
            }
        }
        return stations;
    }

    private Set<String> stationsOfOurs(final int rotation) {
        final Set<String> stations = new TreeSet<>();
        for (final JsonNode station : ringbridge.show("fdb")) {
            final String mac = station.path("mac").asText();
            if (mac.startsWith(prefix(rotation))) {
                stations.add(mac + " in " + station.path("vlan").asInt() + " at " + station.path("port").asText());
            }
        }
        return stations;
    }

    private static String prefix(final int rotation) {
        return "52:54:00:0" + rotation + ":";
    }
}
