package io.ringbridge.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.ringbridge.bench.harness.GuestImage;
import io.ringbridge.bench.harness.QemuGuest;
import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.machine.ProjectRoot;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.file.Path;
import java.time.Duration;

import static org.junit.jupiter.api.Assertions.assertEquals;

/**
 * Migrates a QEMU guest from one port of the switch to another and back, under traffic from its peer.
 *
 * <p>The cost of each migration is appended to {@code target/migration.txt}. {@code -Dmigrations=N} migrates the guest
 * N times.
 */
class MigrationIT {
    private static final String ADDRESS = "10.77.0.1";
    private static final String PEER_ADDRESS = "10.77.0.2";
    private static final String MAC = "52:54:00:00:02:0a";
    private static final String PEER_MAC = "52:54:00:00:02:0b";
    /**
     * More than one, because a port with one queue pair leaves the announcement to QEMU, regardless of the guest's
     * device.
     */
    private static final int PAIRS = 4;
    private static final int MIGRATIONS = Integer.getInteger("migrations", 2);
    private static final Duration COMMAND_LIMIT = Duration.ofSeconds(60);
    private static final Duration ATTACH_LIMIT = Duration.ofSeconds(30);
    private static final ObjectMapper JSON = new ObjectMapper();

    private static GuestImage image;
    private Path directory;
    private SwitchProcess ringbridge;
    private QemuGuest guest;
    private QemuGuest peer;

    @BeforeAll
    static void prepare() {
        Required.programs(QemuGuest.PROGRAM);
        Required.programs(GuestImage.PROGRAMS.toArray(String[]::new));
        image = Required.resource("guest image", () -> GuestImage.create(ProjectRoot.target().resolve("guest")));
    }

    private void boot(final int pairs, final String device) {
        directory = Machine.temporaryDirectory(0);
        ringbridge = SwitchProcess.start(new SwitchConfig().set("poll", "adaptive")
            .server("here", PAIRS).server("there", PAIRS).server("peer"));
        guest = QemuGuest.start(spec("guest-here", "here", pairs, device), image, directory);
        peer = QemuGuest.boot(new QemuGuest.Spec("peer", PEER_MAC, PEER_ADDRESS, ringbridge.socket("peer"), ""), image,
            directory);
        guest.awaitBoot();
        ringbridge.awaitState("running", ATTACH_LIMIT, "here", "peer");
        peer.awaitPing(ADDRESS);
    }

    private QemuGuest.Spec spec(final String name, final String port, final int pairs, final String device) {
        return new QemuGuest.Spec(name, MAC, ADDRESS, ringbridge.socket(port), pairs, device);
    }

    @AfterEach
    void end() {
        for (final QemuGuest each : new QemuGuest[] {guest, peer}) {
            if (each != null) {
                each.close();
            }
        }
        if (ringbridge != null) {
            ringbridge.close();
        }
        if (directory != null) {
            Machine.delete(directory);
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "split,                 1, ''",
        "packed,                1, ',packed=on'",
        "four queue pairs,      4, ',mq=on'",
        "announced by QEMU,     1, ',guest_announce=off'"})
    void aGuestMigrates(final String title, final int pairs, final String device) {
        boot(pairs, device);
        assertEquals(!device.contains("guest_announce=off"), ringbridge.features("here").contains("guest_announce"));
        final String memory = guest.console().check("dd if=/dev/urandom of=/tmp/ram bs=64k count=128 2>/dev/null; "
            + "md5sum /tmp/ram", COMMAND_LIMIT);
        for (int i = 0; i < MIGRATIONS; i++) {
            final String port = i % 2 == 0 ? "there" : "here";
            final Conversation conversation = new Conversation(peer, ADDRESS);
            conversation.startPing();
            conversation.startStream(guest, 6);
            conversation.startDatagrams(guest, 3);
            final Move move = Move.of(guest, spec("guest-" + port, port, pairs, device), image, directory);
            guest = move.guest();
            ringbridge.awaitState("running", ATTACH_LIMIT, port);
            assertEquals(memory, guest.console().check("md5sum /tmp/ram", COMMAND_LIMIT), "the guest's memory");
            conversation.assertStream(guest);
            Await.until("the guest's address at port " + port, ATTACH_LIMIT, () -> port.equals(ringbridge.portOf(MAC)));
            final String datagrams = conversation.endDatagrams();
            move.report(title, i, conversation.endPing(), datagrams);
        }
    }

    @Test
    void aCancelledMigrationChangesNothing() {
        boot(1, "");
        final Conversation conversation = new Conversation(peer, ADDRESS);
        conversation.startPing();
        final Path stream = directory.resolve("stream");
        try (QemuGuest destination = QemuGuest.receive(spec("guest-there", "there", 1, ""), image, directory, stream)) {
            guest.qmp().execute("migrate-set-parameters", object("max-bandwidth", 1 << 20));
            guest.qmp().execute("migrate", JSON.createObjectNode().put("uri", "unix:" + stream));
            Await.until("the start of the migration", ATTACH_LIMIT,
                () -> guest.qmp().execute("query-migrate").path("ram").path("transferred").asLong() > 1 << 19);
            guest.qmp().execute("migrate_cancel");
            Await.until("the end of the migration", ATTACH_LIMIT,
                () -> guest.qmp().execute("query-migrate").path("status").asText().equals("cancelled"));
            destination.kill();
        }
        peer.console().check("ping -c 5 -i 0.1 " + ADDRESS, COMMAND_LIMIT);
        conversation.endPing();
        assertEquals("running", ringbridge.port("here").path("state").asText());
    }

    private static ObjectNode object(final String key, final long value) {
        return JSON.createObjectNode().put(key, value);
    }
}
