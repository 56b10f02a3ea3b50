package io.ringbridge.control.backend;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Userfault;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Fuzzes a session from both sides: the front-end sends requests in any order and with any content, and the driver
 * writes anything to the memory of the rings. Afterwards the port serves the next front-end, and no descriptor or
 * mapping of the last one remains.
 *
 * <p>{@code mvn test} replays the committed inputs. {@code JAZZER_FUZZ=1 mvn -pl control -am test
 * -Dtest=SessionFuzzTest -Dsurefire.failIfNoSpecifiedTests=false} searches for new inputs, up to the annotation's
 * maximum duration.
 */
class SessionFuzzTest {
    private static final long SPLIT = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.INDIRECT_DESC,
        Features.EVENT_IDX, Features.PROTOCOL_FEATURES);
    private static final long PACKED = SPLIT | Features.of(Features.RING_PACKED);
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(20);
    private static final int STEPS = 40;
    private static final int VRINGS = 4;
    private static final Request[] REQUESTS = Request.values();

    private static SwitchFixture fixture;
    private static BackendOptions options;
    private static long descriptors;
    private static long mappings;

    private static void start() throws IOException {
        if (fixture == null) {
            final Path socket = Files.createTempDirectory("fuzz").resolve("s");
            options = everythingOffered(BackendOptions.server(socket));
            fixture = new SwitchFixture(socket, 2, options);
            serveAnother(); // lets libraries open their own descriptors first
            descriptors = OpenDescriptors.count();
            mappings = SwitchFixture.mappings();
        }
    }

    /** Adds the features that a port offers only if configured, as far as the system permits them. */
    private static BackendOptions everythingOffered(final BackendOptions plain) {
        final BackendOptions most = plain.withIommu(true).with(ProtocolFeature.INBAND_NOTIFICATIONS)
            .with(ProtocolFeature.DEVICE_STATE)
            .with(ProtocolFeature.CROSS_ENDIAN);
        return Userfault.problem() == null ? most.with(ProtocolFeature.PAGEFAULT) : most;
    }

    @FuzzTest(maxDuration = "10m")
    @Timeout(value = 15, unit = TimeUnit.MINUTES)
    void aSession(final FuzzedDataProvider data) throws IOException {
        start();
        try (PeerGuest guest = new PeerGuest(); TestPeer peer = peer()) {
            try {
                if (data.consumeBoolean()) {
                    peer.running(data.consumeBoolean() ? PACKED : SPLIT, guest, 0, 1);
                } else if (data.consumeBoolean()) {
                    peer.negotiated(data.consumeBoolean() ? PACKED : SPLIT);
                }
                for (int i = 0; i < STEPS && data.remainingBytes() > 0; i++) {
                    if (data.consumeBoolean()) {
                        writeRings(data, guest);
                    } else {
                        sendRequest(data, peer, guest);
                    }
                }
            } catch (final IOException e) {
                // sending fails only if the back-end has ended the connection, which it may do at any time
                assertEnded(peer);
            }
        }
        serveAnother();
        await("descriptors and mappings are released", () ->
            OpenDescriptors.count() <= descriptors && SwitchFixture.mappings() <= mappings);
    }

    private static void assertEnded(final TestPeer peer) {
        final long start = System.nanoTime();
        boolean ended = false;
        while (!ended) {
            try (Packet packet = peer.connection.receive(() ->
                assertTrue(System.nanoTime() - start < LIMIT_NANOS, "the back-end has ended the connection"))) {
                ended = packet == null;
            } catch (final IOException e) {
                ended = true;
            }
        }
    }

    /** Waits for the condition, or fails: the fuzzer has no time limit per input. */
    private static void await(final String what, final BooleanSupplier condition) {
        final long start = System.nanoTime();
        Await.until(() -> condition.getAsBoolean() || System.nanoTime() - start > LIMIT_NANOS);
        assertTrue(condition.getAsBoolean(), what);
    }

    /** Acts as the driver: writes up to eight words to the rings, and kicks. */
    private static void writeRings(final FuzzedDataProvider data, final PeerGuest guest) {
        final int at = data.consumeInt(0, VRINGS - 1) << 16 | data.consumeInt(0, 3) << 14 | data.consumeInt(0, 32) << 3;
        final int words = data.consumeInt(1, 8);
        for (int i = 0; i < words; i++) {
            final boolean near = data.consumeBoolean();
            Memory.putLong(guest.ram.address() + at + 8L * i,
                near ? TestPeer.GUEST + data.consumeInt(-64, 1 << 20) : data.consumeLong());
        }
        guest.event.signal();
    }

    /** Acts as the front-end: sends a request with valid fields, or with any payload and descriptors. */
    private static void sendRequest(final FuzzedDataProvider data, final TestPeer peer, final PeerGuest guest)
        throws IOException {
        final Request request = data.pickValue(REQUESTS);
        final int flags = data.consumeInt(0, 15) == 15 ? data.consumeInt(0, 15)
            : data.consumeBoolean() ? Header.VERSION : Header.VERSION | Header.NEED_REPLY;
        final int vring = data.consumeInt(0, VRINGS);
        final byte[] payload = switch (data.consumeInt(0, 3)) {
            case 0 -> data.consumeBytes(request.payload().max() + 1);
            case 1 -> Arrays.copyOf(data.consumeBytes(request.payload().min()), request.payload().min());
            default -> likelyPayload(request, vring, data);
        };
        final int[] fds = new int[data.consumeInt(0, 8) == 0 ? data.consumeInt(0, 9) : request.descriptors().max()];
        Arrays.fill(fds, data.consumeBoolean() ? guest.fd() : guest.event.fd());
        peer.send(request, flags, payload, fds);
    }

    private static byte[] likelyPayload(final Request request, final int vring, final FuzzedDataProvider data) {
        return switch (request) {
            case SET_MEM_TABLE -> Codec.encode(TestPeer.table());
            case SET_VRING_ADDR -> Codec.encode(TestPeer.address(vring));
            case SET_VRING_NUM -> Codec.encode(new Message.SetVringNum(vring, 1 << data.consumeInt(0, 15)));
            case SET_VRING_BASE -> Codec.encode(new Message.SetVringBase(vring, data.consumeInt()));
            case SET_VRING_ENABLE -> Codec.encode(new Message.SetVringEnable(vring, data.consumeInt(0, 1)));
            case GET_VRING_BASE -> Codec.encode(new Message.GetVringBase(vring));
            case SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR ->
                Codec.encode(new Message.SetVringFd(request, vring, data.consumeBoolean()));
            case SET_FEATURES -> Codec.encode(new Message.SetFeatures((data.consumeBoolean() ? PACKED : SPLIT)
                | (data.consumeBoolean() ? Offer.IOMMU : 0)));
            case SET_PROTOCOL_FEATURES -> Codec.encode(new Message.SetProtocolFeatures(
                data.consumeBoolean() ? Offer.PROTOCOL : Offer.protocol(options)));
            case SET_VRING_ENDIAN -> Codec.encode(new Message.SetVringEndian(vring, data.consumeInt(0, 1)));
            case IOTLB_MSG ->
                Codec.encode(new Message.Iotlb(data.consumeInt(0, 1 << 20) & -4096, 1L << data.consumeInt(0, 20),
                TestPeer.USER + (data.consumeInt(0, 1 << 20) & -4096), data.consumeInt(0, 3), data.consumeInt(1, 3)));
            case SET_DEVICE_STATE_FD -> Codec.encode(new Message.SetDeviceStateFd(data.consumeInt(0, 1), 0));
            default -> new byte[request.payload().min()];
        };
    }

    /** Connects a front-end that negotiates the features offered without an option. */
    private static TestPeer peer() throws IOException {
        return fixture.peer().protocol(Offer.PROTOCOL & Offer.compatible(Offer.protocol(options), 2));
    }

    private static void serveAnother() throws IOException {
        try (PeerGuest guest = new PeerGuest(); TestPeer peer = peer()) {
            peer.running(SPLIT, guest, 0, 1);
            assertTrue(fixture.started(0) && fixture.started(1), "the next front-end's rings run");
            assertEquals(Offer.virtio(2, options), peer.number(new Message.GetFeatures()));
        }
        await("the port waits for the next front-end", () -> fixture.port.state() == PortState.WAITING);
    }
}
