package io.ringbridge.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringbridge.bench.harness.Await;
import io.ringbridge.bench.harness.HarnessException;
import io.ringbridge.bench.harness.Program;
import io.ringbridge.bench.harness.SwitchProcess;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.QueuePair;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A switch in a network namespace, guests of this process on two ports, and the kernel behind a tap. */
class TapIT {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String NAMESPACE = "rb-it-" + ProcessHandle.current().pid();
    private static final byte[] GUEST = {0x52, 0x54, 0, 0, 0, 1};
    private static final byte[] OTHER = {0x52, 0x54, 0, 0, 0, 2};
    private static final byte[] GUEST_IP = {10, 78, 0, 2};
    private static final int ARP = 0x0806;
    private static final int IPV4 = 0x0800;

    private SwitchProcess ringbridge;
    private Frontend frontend;
    private Frontend otherFrontend;
    private QueuePair guest;
    private QueuePair other;

    @BeforeEach
    void start() throws IOException {
        Required.programs("ip", "ping");
        Required.resource("network namespace with a tap", () -> {
            ip("netns", "add", NAMESPACE);
            return inside("ip", "tuntap", "add", "dev", "tap0", "mode", "tap");
        });
        inside("ip", "addr", "add", "10.78.0.1/24", "dev", "tap0");
        ringbridge = SwitchProcess.start(new SwitchProcess.Config().inNamespace(NAMESPACE).set("poll", "adaptive")
            .server("a").mtu(9000).server("b").mtu(9000).tap("up", "tap0"));
        frontend = Frontend.connect(ringbridge.socket("a"));
        guest = attach(frontend);
        otherFrontend = Frontend.connect(ringbridge.socket("b"));
        other = attach(otherFrontend);
        ringbridge.awaitState("running", LIMIT, "a", "b", "up");
    }

    private static QueuePair attach(final Frontend frontend) throws IOException {
        frontend.negotiate(Frontend.DEFAULT_FEATURES);
        frontend.share(32 << 20);
        final QueuePair queues = frontend.addPair(256, 9200);
        frontend.start();
        return queues;
    }

    @AfterEach
    void stop() {
        for (final AutoCloseable closeable : Arrays.asList(frontend, otherFrontend, ringbridge)) {
            try {
                if (closeable != null) {
                    closeable.close();
                }
            } catch (final Exception e) {
                throw new HarnessException("cannot end " + closeable, e);
            }
        }
        if (Program.find("ip").isPresent() && ip("netns", "list").contains(NAMESPACE)) {
            ip("netns", "del", NAMESPACE);
        }
    }

    private static String ip(final String... arguments) {
        final String[] command = new String[arguments.length + 1];
        command[0] = "ip";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        return Program.run(LIMIT, command);
    }

    private static String inside(final String... command) {
        final String[] whole = new String[command.length + 3];
        System.arraycopy(new String[] {"netns", "exec", NAMESPACE}, 0, whole, 0, 3);
        System.arraycopy(command, 0, whole, 3, command.length);
        return ip(whole);
    }

    /** The kernel asks for the guest's address, and pings it; the guest answers both as a host does. */
    @Test
    void kernelAndGuestReachEachOtherAtEveryMtu() {
        assertPings(1500 - 28);
        inside("ip", "link", "set", "tap0", "mtu", "9000");
        Await.until("the port to follow the device's MTU", LIMIT, () -> ringbridge.port("up").path("mtu").asInt() == 9000);
        assertPings(9000 - 28);
        assertTrue(ringbridge.port("up").path("in_frames").asLong() > 0);
        assertTrue(ringbridge.port("up").path("out_frames").asLong() > 0);
        boolean learned = false;
        for (final var station : ringbridge.show("fdb")) {
            learned |= "up".equals(station.path("port").asText());
        }
        assertTrue(learned, "the kernel's address is behind the tap");
    }

    private void assertPings(final int payload) {
        try (Program ping = Program.start("ping", List.of("ip", "netns", "exec", NAMESPACE, "ping", "-c", "5", "-i", "0.2", "-W", "5",
                "-M", "do", "-s", Integer.toString(payload), "10.78.0.2"))) {
            Await.until("ping to end", LIMIT, () -> {
                answer();
                return !ping.isAlive();
            });
            assertEquals(0, ping.awaitExit(LIMIT), () -> ping.output().tail());
            assertTrue(ping.output().tail().contains("5 received"), ping.output().tail());
        }
    }

    private void answer() {
        while (guest.receiver().poll()) {
            final byte[] reply = reply(guest.receiver().frame());
            if (reply != null) {
                assertTrue(guest.transmitter().transmit(reply));
            }
        }
        guest.receiver().flush();
    }

    /** The answer to an ARP request or an echo request for the guest, or null. */
    private static byte[] reply(final byte[] frame) {
        final ByteBuffer bytes = ByteBuffer.wrap(frame);
        final int type = bytes.getShort(12) & 0xFFFF;
        final byte[] asker = Arrays.copyOfRange(frame, 6, 12);
        if (type == ARP && bytes.getShort(20) == 1 && Arrays.equals(frame, 38, 42, GUEST_IP, 0, 4)) {
            final byte[] askerIp = Arrays.copyOfRange(frame, 28, 32);
            bytes.putShort(20, (short) 2).put(22, GUEST).put(28, GUEST_IP).put(32, asker).put(38, askerIp);
        } else if (type == IPV4 && frame[23] == 1 && frame[34] == 8) {
            final byte[] from = Arrays.copyOfRange(frame, 26, 30);
            bytes.put(26, Arrays.copyOfRange(frame, 30, 34)).put(30, from).put(34, (byte) 0);
            final int sum = (bytes.getShort(36) & 0xFFFF) + 0x0800; // an echo reply is a request whose type is eight less
            bytes.putShort(36, (short) (sum + (sum >>> 16)));
        } else {
            return null;
        }
        bytes.put(0, asker).put(6, GUEST);
        return frame;
    }

    @Test
    void removedDeviceComesBackAndTheOthersNeverStop() {
        assertPings(56);
        inside("ip", "link", "del", "tap0");
        Await.until("the port to fail", LIMIT, () -> exchange() && "failed".equals(ringbridge.port("up").path("state").asText()));
        assertTrue(ringbridge.port("up").path("failure").asText().contains("gone"));
        inside("ip", "tuntap", "add", "dev", "tap0", "mode", "tap");
        inside("ip", "addr", "add", "10.78.0.1/24", "dev", "tap0");
        Await.until("the port to run again", LIMIT, () -> exchange() && "running".equals(ringbridge.port("up").path("state").asText()));
        assertPings(56);
    }

    /** A frame each way between the two guests arrives as it was sent. */
    private boolean exchange() {
        pass(guest, other, GUEST, OTHER);
        pass(other, guest, OTHER, GUEST);
        return true;
    }

    private static void pass(final QueuePair from, final QueuePair to, final byte[] source, final byte[] destination) {
        final ByteBuffer frame = ByteBuffer.allocate(100).put(destination).put(source).putShort((short) 0x88B5).putLong(System.nanoTime());
        from.transmitter().complete();
        assertTrue(from.transmitter().transmit(frame.array()));
        Await.until("a frame between the guests", LIMIT, () -> {
            while (to.receiver().poll()) {
                final byte[] got = to.receiver().frame();
                if (got[12] == (byte) 0x88 && got[13] == (byte) 0xB5) {
                    assertArrayEquals(frame.array(), got);
                    return true;
                }
            }
            to.receiver().flush();
            return false;
        });
        to.receiver().flush();
    }
}
