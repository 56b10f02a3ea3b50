package io.ringbridge.datapath;

import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** DATA_VALID from an uplink is passed on to receivers that accept it. DATA_VALID from a driver is not passed on. */
class VerifiedChecksumTest {
    private static final byte DATA_VALID = 2;
    private static final int VLAN = 10;
    private static final long BARE = Features.of(Features.VERSION_1, Features.INDIRECT_DESC);

    private final Datapath datapath = Datapath.stepped(DatapathOptions.DEFAULT, new Wire.Clock()::nanos);
    private final Wire wire = new Wire();
    private final List<TestGuest> guests = new ArrayList<>();
    private UplinkPort uplink;

    @AfterEach
    void close() {
        guests.forEach(TestGuest::close);
        if (uplink != null) {
            uplink.detach();
        }
        datapath.close();
        wire.close();
    }

    private void attach(final PortVlan vlan) {
        uplink = datapath.addUplinkPort("up", 1, 9000, vlan);
        wire.offloads = true;
        wire.flags = DATA_VALID;
        uplink.attach(List.of(wire), true);
    }

    private TestGuest guest(final String name, final PortVlan vlan, final long features) {
        final TestGuest guest = new TestGuest(datapath.addGuestPort(name, 1, 65535, vlan), features, 256, 2048).start();
        guests.add(guest);
        return guest;
    }

    private void run() {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private static void assertGot(final byte[] frame, final int flags, final TestGuest guest) {
        final List<TestGuest.Received> received = guest.receivedWithHeaders();
        assertEquals(1, received.size());
        assertArrayEquals(frame, received.getFirst().frame);
        final byte[] header = new byte[10];
        header[0] = (byte) flags;
        assertArrayEquals(header, Arrays.copyOf(received.getFirst().header, header.length));
    }

    @ParameterizedTest
    @CsvSource({"false, false", "false, true", "true, false", "true, true"})
    void theFlagOfAnUplinkIsPassedOn(final boolean packed, final boolean mergeable) {
        final long layout = (packed ? Features.of(Features.RING_PACKED) : 0)
            | (mergeable ? Features.of(Features.MRG_RXBUF) : 0);
        attach(null);
        final TestGuest accepting = guest("accepts", null, BARE | layout | Offloads.TAKES_CSUM);
        final TestGuest plain = guest("plain", null, BARE | layout);
        for (int i = 0; i < 300; i++) {
            final byte[] frame = Frames.broadcast(9, 60 + i);
            wire.given.add(frame);
            run();
            assertGot(frame, DATA_VALID, accepting);
            assertGot(frame, 0, plain);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theFlagSurvivesAddingAndStrippingTags(final boolean tagged) {
        final BitSet allowed = new BitSet();
        allowed.set(VLAN);
        attach(tagged ? PortVlan.trunk(allowed, 0) : PortVlan.access(VLAN));
        final TestGuest accepting = guest("accepts", PortVlan.access(VLAN), BARE | Offloads.TAKES_CSUM);
        final byte[] plain = Frames.broadcast(9, 200);
        wire.given.add(tagged ? Tags.insert(plain, VLAN) : plain);
        run();
        assertGot(plain, DATA_VALID, accepting);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theFlagOfADriverIsNotPassedOn(final boolean mayOffload) {
        attach(null);
        final TestGuest sender = guest("sender", null, mayOffload ? Offloads.SENDER : BARE);
        final TestGuest accepting = guest("accepts", null, BARE | Offloads.TAKES_CSUM);
        final byte[] frame = Frames.broadcast(3, 100);
        sender.send(new byte[] {DATA_VALID, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, frame);
        run();
        assertGot(frame, 0, accepting);
    }
}
