package io.ringbridge.datapath;

import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.LoopingGuest;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A queue with expensive frames takes no larger share of a worker than any other queue.
 *
 * <p>The test counts units of work instead of measuring time: 6 per frame, 4 per receive buffer and 16 per segment;
 * 1 per descriptor, per piece, and per 64 bytes copied or summed.
 */
class FairnessTest {
    private static final byte[] PLAIN = new byte[TestGuest.HEADER];
    private static final int SMALL = 64;
    private static final int LONG = 1024;
    private static final int HUGE = 64_000;
    private static final int FLOODED = 8;
    private static final int STEPS = 240;
    private static final int FULL = 1514;
    /** The percentage of the work that the bystander, one of two senders, must get: nine tenths of a half. */
    private static final int FAIR = 45;

    private final List<LoopingGuest> guests = new ArrayList<>();
    private Datapath datapath;
    private long features = TestGuest.FEATURES;

    /** The property that makes the attacker's frames expensive. */
    enum Attack {
        CHAINS_OF_BYTES(2 * LONG),
        EMPTY_DESCRIPTORS(LONG),
        BAD_CHAINS(LONG),
        LONG_FRAMES(HUGE / 64),
        FLOODED_CHAINS(LONG + FLOODED * LONG),
        FLOODED_FRAMES(FLOODED * (6 + 24)),
        SEGMENTS(HUGE / 128 * 16),
        CHECKSUMS(2 * HUGE / 64),
        MERGED_BYTES(6),
        RECEIVE_CHAINS_OF_BYTES(6);

        /** The units per frame, without the cost of its receiver. */
        final int each;

        Attack(final int each) {
            this.each = each;
        }
    }

    @AfterEach
    void detach() {
        drain();
        guests.forEach(LoopingGuest::close);
        datapath.close();
    }

    private void begin(final int workers, final boolean packed) {
        final DatapathOptions options =
            new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5));
        datapath = Datapath.stepped(options, System::nanoTime);
        features |= packed ? Features.of(Features.RING_PACKED) : 0;
    }

    /** Moves the frames that are available, without adding more. */
    private void drain() {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private LoopingGuest guest(final long more, final int size) {
        final GuestPort port = datapath.addGuestPort("g" + guests.size(), 1, 65535);
        guests.add(new LoopingGuest(port, features | more, size));
        return guests.getLast();
    }

    /** Lets the switch learn a station at a guest. */
    private LoopingGuest station(final int number, final LoopingGuest guest) {
        guest.transmits(PLAIN, Frames.broadcast(number, SMALL));
        drain();
        return guest.stopTransmitting();
    }

    private LoopingGuest receiver(final int number, final int size, final int bufferLength) {
        return station(number, guest(0, size).receives(bufferLength));
    }

    private LoopingGuest sender(final int size, final byte[] frame) {
        return guest(0, size).transmits(PLAIN, frame);
    }

    private static byte[] frame(final int length) {
        return Frames.ethernet(8, 9, length);
    }

    private LoopingGuest offloads(final int segment) {
        receiver(8, 1024, 2048);
        final Packet packet =
            Packet.random(new SplittableRandom(3), false, Packet.TCP, Arrays.copyOf(frame(14), 12), HUGE);
        final byte[] header = Offloads.header(packet, segment == 0 ? 0 : Offloads.TCPV4, segment);
        return guest(Offloads.SENDER, 64).transmits(header, packet.frame);
    }

    private LoopingGuest chain(final int descriptors, final int each, final int last, final byte[] frame) {
        final LoopingGuest guest = guest(0, 64);
        final long bytes = guest.memory.guest(guest.frame(PLAIN, frame));
        final long table = guest.table(descriptors, each, bytes, last, false);
        return guest.transmitsChain(table, 16 * descriptors, LoopingGuest.INDIRECT);
    }

    private LoopingGuest floods(final LoopingGuest sender) {
        for (int i = 0; i < FLOODED; i++) {
            guest(0, 64).receives(2048);
        }
        return sender;
    }

    private LoopingGuest attacker(final Attack attack) {
        return switch (attack) {
            case CHAINS_OF_BYTES -> {
                receiver(8, 64, 2048);
                yield chain(LONG, 1, 1, frame(LONG - PLAIN.length));
            }
            case EMPTY_DESCRIPTORS -> {
                receiver(8, 64, 2048);
                yield chain(LONG, 0, SMALL + PLAIN.length, frame(SMALL));
            }
            case BAD_CHAINS -> {
                final LoopingGuest guest = guest(0, 64);
                final long end = guest.memory.guest(guest.memory.ram.address() + TestGuest.MEMORY);
                final long table = guest.table(LONG, 1, end - LONG + 1, 1, false);
                yield guest.transmitsChain(table, 16 * LONG, LoopingGuest.INDIRECT);
            }
            case LONG_FRAMES -> {
                receiver(8, 64, 66_000);
                yield sender(64, frame(HUGE));
            }
            case FLOODED_CHAINS -> floods(chain(LONG, 1, 1, Frames.broadcast(9, LONG - PLAIN.length)));
            case FLOODED_FRAMES -> floods(sender(64, Frames.broadcast(9, 1514)));
            case SEGMENTS -> offloads(128);
            case CHECKSUMS -> offloads(0);
            case MERGED_BYTES -> {
                receiver(8, 1024, 1);
                yield sender(64, frame(SMALL));
            }
            case RECEIVE_CHAINS_OF_BYTES -> {
                final LoopingGuest guest = guest(0, 64);
                final long table = guest.table(LONG, 1, guest.memory.guest(guest.memory.allocate(LONG, 64)), 1, true);
                station(8, guest.receivesChain(table, 0, 16 * LONG, LoopingGuest.INDIRECT));
                yield sender(64, frame(SMALL));
            }
        };
    }

    /** Returns the units that the last guest before the attacker costs as a receiver. */
    private long receiving(final Attack attack) {
        final long received = guests.get(guests.size() - 2).port().statistics().outFrames();
        return attack == Attack.MERGED_BYTES ? received * (SMALL + PLAIN.length) * 4
            : attack == Attack.RECEIVE_CHAINS_OF_BYTES ? received * LONG : 0;
    }

    /** Runs an attack beside a bystander that sends frames of a length, and checks the shares of both. */
    private void assertFair(final Attack attack, final int length) {
        receiver(1, 256, 2048);
        final LoopingGuest bystander = sender(256, Frames.ethernet(1, 2, length));
        final LoopingGuest attacker = attacker(attack);
        long own = 0;
        long others = 0;
        for (int i = 0; i < STEPS; i++) {
            datapath.step();
            for (final LoopingGuest guest : guests) {
                final int frames = guest.loop();
                own += guest == bystander ? frames * (6L + (length + 63) / 64) : 0;
                others += guest == attacker ? (long) frames * attack.each : 0;
            }
        }
        others += receiving(attack);
        assertTrue(own > 0 && others > 0, own + " and " + others);
        final String parts = "the bystander's share is " + own + " of " + (own + others);
        assertTrue(own * 100 >= FAIR * (own + others), parts);
        assertEquals(0, bystander.port().statistics().drops().size());
    }

    /** Every attack on every number of workers. With two workers, the other one delivers the bystander's frames. */
    static List<Arguments> runs() {
        final List<Arguments> runs = new ArrayList<>();
        for (final Attack attack : Attack.values()) {
            for (int workers = 1; workers <= 2; workers++) {
                runs.add(Arguments.of(attack, workers, false));
                runs.add(Arguments.of(attack, workers, true));
            }
        }
        return runs;
    }

    @ParameterizedTest(name = "{0}, workers: {1}, packed: {2}")
    @MethodSource("runs")
    void aSenderOfSmallFramesKeepsItsShare(final Attack attack, final int workers, final boolean packed) {
        begin(workers, packed);
        assertFair(attack, SMALL);
    }

    /** Bursts of full frames exceed the share of a round. Their sender waits now and then, and so does the attacker. */
    @ParameterizedTest(name = "{0}, workers: {1}, packed: {2}")
    @MethodSource("runs")
    void aSenderOfFullFramesKeepsItsShare(final Attack attack, final int workers, final boolean packed) {
        begin(workers, packed);
        assertFair(attack, FULL);
    }

    @ParameterizedTest
    @CsvSource({"1, LONG_FRAMES", "2, LONG_FRAMES", "1, CHAINS_OF_BYTES", "2, SEGMENTS", "1, FLOODED_FRAMES"})
    void aQueueTakesAllIfNobodyElseHasWork(final int workers, final Attack attack) {
        begin(workers, false);
        final LoopingGuest attacker = attacker(attack);
        for (int i = 0; i < STEPS; i++) {
            assertTrue(datapath.step() > 0);
            guests.forEach(LoopingGuest::loop);
        }
        assertTrue(attacker.port().statistics().inFrames() >= STEPS / 2, "at least one burst every other round");
    }

    @Test
    void aReceiverOfTinyBuffersGetsFramesAgainOnceOthersHaveHadTheirShare() {
        begin(1, false);
        final LoopingGuest receiver = receiver(8, 1024, 1);
        final LoopingGuest sender = sender(256, frame(SMALL));
        for (int i = 0; i < STEPS; i++) {
            datapath.step();
            guests.forEach(LoopingGuest::loop);
        }
        final long received = receiver.port().statistics().outFrames();
        assertTrue(received < sender.port().statistics().inFrames() / 10, received + " frames received");
        while (datapath.step() > 0) {
            receiver.loop();
        }
        sender.loop();
        datapath.step();
        assertTrue(receiver.port().statistics().outFrames() > received);
    }
}
