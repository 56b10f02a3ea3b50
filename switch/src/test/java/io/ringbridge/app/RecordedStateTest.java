package io.ringbridge.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringbridge.api.PortView;
import io.ringbridge.app.SectionEditor.Part;
import io.ringbridge.app.TalkingGuests.Talker;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Step;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Tap;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.newsclub.net.unix.AFUNIXSocketChannel;
import org.newsclub.net.unix.AFUNIXSocketPair;
import org.newsclub.net.unix.FileDescriptorCast;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Replays the recorded state of an earlier version: in the hand-over of a switch whose guests have done the same, the
 * recorded bytes replace those of this version, and the guests continue. The recordings are kept as they are when the
 * state changes. {@code mvn test -Dringbridge.write-recording=true} writes new ones.
 */
@Timeout(120)
class RecordedStateTest {
    private static final Path RECORDINGS =
        Path.of(System.getProperty("ringbridge.root"), "switch/src/test/resources/hand-over");
    private static final boolean WRITE = Boolean.getBoolean("ringbridge.write-recording");
    private static final Set<Integer> OF_THE_OLD_PROCESS = Set.of(Step.SWITCH.number(), Step.PORT.number(),
        Step.STATIONS.number(), Step.POSITIONS.number());
    /** Stands for the directory of the sockets. */
    private static final String DIRECTORY = "/recorded";
    private static final String STATION = "52:54:00:00:00:77";
    private static final int LINE = 48;
    private static final String DEVICE = "rb-recorded";
    private static final String WIRE = "rb-wire";
    private static final String OTHER_END = "rb-wire-end";

    @TempDir
    private Path dir;

    /**
     * A recorded message.
     *
     * @param kinds the kinds of its descriptors
     */
    @SuppressWarnings("ArrayRecordComponent")
    private record Recorded(int step, List<String> kinds, byte[] payload) {
        List<String> lines() {
            final List<String> lines = new ArrayList<>();
            lines.add(Stream.concat(Stream.of("record", Integer.toString(step)), kinds.stream())
                .collect(Collectors.joining(" ")));
            for (int at = 0; at < payload.length; at += LINE) {
                lines.add(HexFormat.of().formatHex(payload, at, Math.min(at + LINE, payload.length)));
            }
            return lines;
        }

        static Deque<Recorded> read(final Path file) throws IOException {
            final Deque<Recorded> all = new ArrayDeque<>();
            for (final String line : Files.readAllLines(file)) {
                final List<String> words = List.of(line.split(" ", -1));
                if ("record".equals(words.getFirst())) {
                    all.add(new Recorded(Integer.parseInt(words.get(1)), words.subList(2, words.size()), new byte[0]));
                } else {
                    all.add(all.removeLast().continued(HexFormat.of().parseHex(line)));
                }
            }
            return all;
        }

        private Recorded continued(final byte[] more) {
            final byte[] longer = Arrays.copyOf(payload, payload.length + more.length);
            System.arraycopy(more, 0, longer, payload.length, more.length);
            return new Recorded(step, kinds, longer);
        }
    }

    private Config config() {
        return ConfigReader.parse("test", "ports: [{name: a, socket: " + dir.resolve("a")
            + ", vlan: 10}, {name: b, socket: " + dir.resolve("b") + ", trunk: [10, 20], vlan: 10}, "
            + "{name: rec, type: pcap, write: " + dir.resolve("out.pcap") + "}]");
    }

    private static String kind(final int descriptor) {
        try {
            final String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
            return target.startsWith("/memfd:") ? "memfd" : target.replaceAll(".*\\[([a-z]+)]", "$1")
                .replaceAll(":.*", "");
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> kinds(final HandOverMessage message) {
        return Arrays.stream(message.descriptors()).mapToObj(RecordedStateTest::kind).toList();
    }

    /** Replaces a directory by another in the configuration of the ports, the first field of its section. */
    private static UnaryOperator<List<Part>> moved(final String from, final String to) {
        return parts -> parts.stream().map(part -> {
            if (!part.is(HandOverSections.CONFIGURATION.number())) {
                return part;
            }
            final ByteBuffer in = ByteBuffer.wrap(part.content()).order(ByteOrder.LITTLE_ENDIAN);
            final byte[] text = new byte[in.getInt()];
            in.get(text);
            final byte[] other =
                new String(text, StandardCharsets.UTF_8).replace(from, to).getBytes(StandardCharsets.UTF_8);
            return Part.of(part.word(), ByteBuffer.allocate(part.content().length - text.length + other.length)
                .order(ByteOrder.LITTLE_ENDIAN).putInt(other.length).put(other).put(in).array());
        }).toList();
    }

    private HandOverMessage record(final HandOverMessage message, final List<String> lines) {
        if (OF_THE_OLD_PROCESS.contains(message.kind())) {
            final HandOverMessage anywhere = message.kind() == Step.SWITCH.number()
                ? SectionEditor.edit(message, moved(dir.toString(), DIRECTORY)) : message;
            lines.addAll(new Recorded(message.kind(), kinds(message), anywhere.payload()).lines());
        }
        return message;
    }

    /** Returns the recorded message in place of this version's, with the first descriptors of the same kinds. */
    private HandOverMessage replay(final HandOverMessage message, final Deque<Recorded> recorded) {
        if (!OF_THE_OLD_PROCESS.contains(message.kind())) {
            return message;
        }
        final Map<String, Deque<Integer>> present = new HashMap<>();
        Arrays.stream(message.descriptors())
            .forEach(fd -> present.computeIfAbsent(kind(fd), _ -> new ArrayDeque<>()).add(fd));
        final Recorded before = recorded.remove();
        assertEquals(before.step(), message.kind());
        final int[] descriptors = before.kinds().stream().mapToInt(kind -> {
            final Integer fd = present.getOrDefault(kind, new ArrayDeque<>()).poll();
            assertNotNull(fd, () -> "this version has fewer descriptors of kind " + kind);
            return fd;
        }).toArray();
        present.values().forEach(more -> more.forEach(Fd::close));
        final HandOverMessage replayed = message.with(before.payload(), descriptors);
        return message.kind() == Step.SWITCH.number()
            ? SectionEditor.edit(replayed, moved(DIRECTORY, dir.toString())) : replayed;
    }

    /** The static station is in the recording only. */
    private Switch handOver(final Switch running, final Config config, final Path file) throws IOException {
        if (!WRITE) {
            final Deque<Recorded> recorded = Recorded.read(file);
            final Switch next = LocalUpgrade.run(dir, running, config, message -> replay(message, recorded));
            assertTrue(recorded.isEmpty(), "everything was replayed");
            return next;
        }
        running.fdb().add("mac=" + STATION + ",port=b,vlan=20");
        final List<String> lines = Collections.synchronizedList(new ArrayList<>());
        final Switch next = LocalUpgrade.run(dir, running, config, message -> record(message, lines));
        Files.createDirectories(file.getParent());
        Files.write(file, lines);
        return next;
    }

    @ParameterizedTest
    @CsvSource({"split", "packed"})
    void theStateOfAnEarlierVersionIsTakenOver(final String layout) throws Exception {
        Switch running = Switch.start(config());
        running.openPorts();
        try (MemFd log = MemFd.create("log", 1 << 20);
             TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), Frontend.DEFAULT_FEATURES
                 | ("packed".equals(layout) ? Features.of(Features.RING_PACKED) : 0))) {
            guests.a.frontend.logTo(log);
            guests.a.frontend.logging(true);
            guests.exchange(10);
            running = handOver(running, config(), RECORDINGS.resolve(layout + ".txt"));
            guests.exchange(300);
            final List<PortView> ports = running.ports().views();
            assertEquals(List.of("running", "running", "running"), ports.stream().map(PortView::state).toList());
            assertEquals(List.of(310L, 310L), ports.subList(0, 2).stream().map(PortView::inFrames).toList());
            assertEquals(List.of(Map.of(), Map.of()), ports.subList(0, 2).stream().map(PortView::drops).toList());
            assertStations(running);
        } finally {
            running.close();
        }
    }

    private static void assertStations(final Switch running) {
        assertEquals(List.of("10 52:54:00:00:00:01 a", "10 52:54:00:00:00:02 b", "20 " + STATION + " b static"),
            running.fdb().stations().stream().map(station -> station.vlan() + " " + station.mac() + ' '
                + station.port() + (station.isStatic() ? " static" : "")).filter(station -> !station.startsWith("0 "))
                .sorted().toList());
    }

    /** A guest with an IOMMU, an in-flight area and a socket for requests, and a port of each kind of device. */
    @Test
    void theOptionalStateOfAnEarlierVersionIsTakenOver() throws Exception {
        needsTaps();
        ip("link", "add", WIRE, "type", "veth", "peer", "name", OTHER_END);
        try {
            ip("link", "set", WIRE, "up");
            final Path capture = Files.write(dir.resolve("in.pcap"), oneFrame());
            final Config config = ConfigReader.parse("test", """
                ports:
                  - {name: a, socket: %1$s/a, vlan: 10, iommu: true}
                  - {name: b, socket: %1$s/b, trunk: [10, 20], vlan: 10}
                  - {name: up, type: tap, device: %2$s, queues: 2}
                  - {name: wire, type: pcap, interface: %3$s}
                  - {name: play, type: pcap, read: %4$s, speed: full}
                """.formatted(dir, DEVICE, WIRE, capture));
            Switch running = Switch.start(config);
            running.openPorts();
            try (AFUNIXSocketPair<AFUNIXSocketChannel> requests = AFUNIXSocketPair.open();
                 MemFd inflight = MemFd.create("inflight", 1 << 20);
                 TalkingGuests guests = new TalkingGuests(behindIommu(requests, inflight),
                     new Talker(dir.resolve("b"), Frontend.DEFAULT_FEATURES, 2))) {
                guests.exchange(10);
                final Switch playing = running;
                Await.until(() -> playing.ports().views().getLast().inFrames() == 1);
                running = handOver(running, config, RECORDINGS.resolve("optional.txt"));
                guests.exchange(300);
                final List<PortView> ports = running.ports().views();
                assertEquals(Collections.nCopies(5, "running"), ports.stream().map(PortView::state).toList());
                assertEquals(List.of(310L, 310L), ports.subList(0, 2).stream().map(PortView::inFrames).toList());
                assertEquals(1, ports.getLast().inFrames());
                assertEquals(List.of(Map.of(), Map.of()), ports.subList(0, 2).stream().map(PortView::drops).toList());
                assertStations(running);
            } finally {
                running.close();
            }
        } finally {
            ip("link", "del", WIRE);
        }
    }

    /** Attaches a guest whose memory has the guest's addresses for the device and, for rings, this process's. */
    private Talker behindIommu(final AFUNIXSocketPair<AFUNIXSocketChannel> requests, final MemFd inflight)
        throws IOException {
        final Frontend frontend = Frontend.connect(dir.resolve("a"));
        frontend.negotiate(Frontend.DEFAULT_FEATURES | Features.of(Features.ACCESS_PLATFORM));
        frontend.command(new Message.SetProtocolFeatures(frontend.protocolFeatures()
            | ProtocolFeature.of(ProtocolFeature.BACKEND_REQ, ProtocolFeature.INFLIGHT_SHMFD)));
        frontend.command(new Message.SetBackendReqFd(),
            FileDescriptorCast.using(requests.getSocket2().getFileDescriptor()).as(Integer.class));
        final GuestRam ram = frontend.share(QueuePair.bytes(TalkingGuests.SHAPE, TalkingGuests.SHAPE));
        frontend.command(new Message.InflightFd(Request.SET_INFLIGHT_FD, inflight.size(), 0, 2,
            TalkingGuests.SHAPE.size()), inflight.fd());
        for (final long address : new long[] {GuestRam.GUEST_ADDRESS, ram.address()}) {
            frontend.command(new Message.Iotlb(address, ram.size(), ram.address(), Iotlb.READ | Iotlb.WRITE,
                Message.Iotlb.UPDATE));
        }
        final QueuePair queues = frontend.addPair(TalkingGuests.SHAPE, TalkingGuests.SHAPE);
        frontend.start();
        return new Talker(frontend, ram, queues, 1);
    }

    private static byte[] oneFrame() {
        final ByteBuffer bytes = ByteBuffer.allocate(24 + 16 + 60);
        bytes.putInt(0xa1b2c3d4).putShort((short) 2).putShort((short) 4).putInt(0).putInt(0).putInt(65535).putInt(1);
        bytes.putInt(1_700_000_000).putInt(0).putInt(60).putInt(60).putInt(-1).putShort((short) -1).putInt(0x52540000)
            .putShort((short) 9).putShort((short) 0x88B5);
        return bytes.array();
    }

    private static void needsTaps() {
        try {
            Tap.open(DEVICE, true).close();
        } catch (final OsException e) {
            assertNotEquals("true", System.getenv("CI"), () -> "cannot create a tap: " + e.getMessage());
            Assumptions.abort("cannot create a tap: " + e.getMessage());
        }
    }

    private static void ip(final String... arguments) throws IOException, InterruptedException {
        final List<String> command = Stream.concat(Stream.of("ip"), Stream.of(arguments)).toList();
        assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor(), () -> String.join(" ", command));
    }
}
