package io.ringbridge.app;

import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.handover.Step;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Tap;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

/**
 * Tests damaged states with a correct checksum. The new switch refuses such a state or could run with it. No descriptor
 * stays open, and the old switch keeps serving its guests.
 */
@Timeout(120)
class HostileStateTest {
    private static final int ROUNDS = 150;
    private static final int HEADER = HandOverMessage.HEADER;

    private static final String DEVICE = "rbh" + ProcessHandle.current().pid();

    @TempDir
    private Path dir;
    private boolean uplinks;

    /** Returns a copy with changed, missing, or additional content, or without some of the descriptors. */
    private static HandOverMessage damaged(final HandOverMessage message, final SplittableRandom random) {
        byte[] bytes = message.payload().clone();
        int[] fds = message.descriptors();
        switch (random.nextInt(5)) {
            case 0 -> bytes = Arrays.copyOf(bytes, HEADER + random.nextInt(Math.max(1, bytes.length - HEADER)));
            case 1 -> bytes = Arrays.copyOf(bytes, bytes.length + 1 + random.nextInt(40));
            case 2 -> fds = Arrays.copyOf(fds, random.nextInt(fds.length + 1));
            default -> {
                for (int i = random.nextInt(1, 4); i > 0 && bytes.length > HEADER; i--) {
                    bytes[random.nextInt(HEADER, bytes.length)] =
                        (byte) random.nextInt(random.nextBoolean() ? 3 : 256);
                }
            }
        }
        return message.with(bytes, fds);
    }

    /** Returns a copy with one byte cleared. */
    private static HandOverMessage cleared(final HandOverMessage message, final int at) {
        final byte[] bytes = message.payload().clone();
        bytes[at] = 0;
        return message.with(bytes, message.descriptors());
    }

    private Config config() {
        return ConfigReader.parse("test",
            "ports: [{name: a, socket: " + dir.resolve("a") + "}, {name: b, socket: " + dir.resolve("b") + "}"
            + (uplinks ? ", {name: up, type: tap, device: " + DEVICE + ", queues: 2}, {name: rec, type: pcap, write: "
            + dir.resolve("out.pcap") + "}]" : "]"));
    }

    /** Returns the number of records before that of the positions: the switch, its ports, the stations. */
    private int recordsBeforePositions() {
        return 2 + (uplinks ? 4 : 2);
    }

    /** Records the messages of a switch up to the positions of its rings, and then lets the hand-over fail. */
    private List<HandOverMessage> record(final Switch running) throws IOException {
        final List<HandOverMessage> all = new ArrayList<>();
        final Path path = dir.resolve("h");
        try (Listener listener = Listener.open(path, 0600);
             Connection from = Connection.connect(path);
             StateSocket to = new StateSocket(listener.accept())) {
            final CompletableFuture<Void> recording = CompletableFuture.runAsync(() -> {
                final StateSocket socket = new StateSocket(from);
                LocalUpgrade.sendReady(socket);
                try {
                    for (int i = 0; i <= recordsBeforePositions(); i++) {
                        if (i == recordsBeforePositions()) {
                            socket.send(Step.PREPARED);
                        }
                        try (Packet packet = from.receive(() -> { })) {
                            all.add(HandOverMessage.of(packet));
                        }
                    }
                } catch (final IOException e) {
                    throw new UncheckedIOException(e);
                } finally {
                    from.shutdown();
                }
            });
            assertThrows(HandOverException.class, () -> running.handOver(to));
            recording.join();
        }
        return all;
    }

    private void replay(final List<HandOverMessage> records) throws IOException {
        final Path path = dir.resolve("h");
        try (Listener listener = Listener.open(path, 0600);
             StateSocket from = new StateSocket(Connection.connect(path));
             Connection to = listener.accept()) {
            final CompletableFuture<Switch> taking = CompletableFuture.supplyAsync(
                () -> TakeOver.run(config(), from, null),
                task -> Thread.ofPlatform().daemon().name("test-taker").start(task));
            final StateSocket socket = new StateSocket(to);
            try {
                socket.await(Step.READY).close();
                records.subList(0, recordsBeforePositions()).forEach(record -> record.send(to));
                socket.await(Step.PREPARED).close();
                records.getLast().send(to);
                socket.await(Step.TAKEN).close();
            } catch (HandOverException | UncheckedIOException _) {
                // The state was refused.
            }
            to.shutdown();
            taking.handle((_, failure) -> {
                assertEquals(true, failure != null, "the new switch must not run without GO");
                return null;
            }).join();
        }
    }

    /** Returns all damaged states, by the description of each for a failure message. */
    private static Map<String, List<HandOverMessage>> damaged(final List<HandOverMessage> records) {
        final Map<String, List<HandOverMessage>> all = new LinkedHashMap<>();
        final HandOverMessage positions = records.getLast();
        for (int at = HEADER; at < positions.payload().length; at++) {
            if (positions.payload()[at] != 0) {
                all.put("byte " + at + " of the positions",
                    replaced(records, records.size() - 1, cleared(positions, at)));
            }
        }
        final long seed = System.nanoTime();
        final SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < ROUNDS; round++) {
            final int which = random.nextInt(records.size());
            all.put("seed " + seed + ", round " + round,
                replaced(records, which, damaged(records.get(which), random)));
        }
        return all;
    }

    private static List<HandOverMessage> replaced(final List<HandOverMessage> records, final int which,
                                                  final HandOverMessage other) {
        final List<HandOverMessage> all = new ArrayList<>(records);
        all.set(which, other);
        return all;
    }

    private static void needsTaps() {
        try {
            Tap.open(DEVICE, true).close();
        } catch (final OsException e) {
            assertNotEquals("true", System.getenv("CI"), () -> "cannot create a tap: " + e.getMessage());
            Assumptions.abort("cannot create a tap: " + e.getMessage());
        }
    }

    @ParameterizedTest
    @CsvSource({"false, false", "true, false", "false, true"})
    void damagedStatesAreRefusedAndNothingStaysOpen(final boolean packed, final boolean withUplinks) throws Exception {
        uplinks = withUplinks;
        if (uplinks) {
            needsTaps();
        }
        try (Switch running = Switch.start(config())) {
            running.openPorts();
            try (TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"),
                Frontend.DEFAULT_FEATURES | (packed ? Features.of(Features.RING_PACKED) : 0))) {
                guests.exchange(300);
                final long descriptors = OpenDescriptors.count();
                final List<HandOverMessage> records = record(running);
                final long recorded = OpenDescriptors.count();
                guests.talk();
                for (final Map.Entry<String, List<HandOverMessage>> state : damaged(records).entrySet()) {
                    replay(state.getValue());
                    assertEquals(recorded, OpenDescriptors.count(), state.getKey());
                }
                guests.awaitMore(100);
                guests.finish();
                records.forEach(HandOverMessage::close);
                assertEquals(descriptors, OpenDescriptors.count());
            }
        }
    }
}
