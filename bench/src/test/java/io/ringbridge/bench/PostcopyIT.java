package io.ringbridge.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.ringbridge.bench.harness.GuestImage;
import io.ringbridge.bench.harness.QemuGuest;
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
import java.util.regex.Pattern;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Migrates a QEMU guest by postcopy from one port of the switch to another, under traffic from its peer. */
class PostcopyIT {
    private static final String ADDRESS = "10.77.0.1";
    private static final String PEER_ADDRESS = "10.77.0.2";
    private static final String MAC = "52:54:00:00:03:0a";
    private static final String PEER_MAC = "52:54:00:00:03:0b";
    private static final int RECEIVE_RING = 256; // buffers, by default
    private static final Duration COMMAND_LIMIT = Duration.ofSeconds(60);
    private static final Duration ATTACH_LIMIT = Duration.ofSeconds(30);

    private static GuestImage image;
    private Path directory;
    private SwitchProcess ringbridge;
    private QemuGuest guest;
    private QemuGuest peer;
    private QemuGuest destination;

    @BeforeAll
    static void prepare() {
        Required.programs(QemuGuest.PROGRAM);
        Required.programs(GuestImage.PROGRAMS.toArray(String[]::new));
        image = Required.resource("guest image", () -> GuestImage.create(ProjectRoot.target().resolve("guest")));
    }

    private void boot(final int pairs, final String device) {
        directory = Machine.temporaryDirectory(0);
        ringbridge = SwitchProcess.start(new SwitchConfig().set("poll", "adaptive")
            .server("here", pairs).server("there", pairs).postcopy().server("peer"));
        guest = QemuGuest.start(spec("here", pairs, device), image, directory);
        peer = QemuGuest.boot(new QemuGuest.Spec("peer", PEER_MAC, PEER_ADDRESS, ringbridge.socket("peer"), ""), image,
            directory);
        guest.awaitBoot();
        ringbridge.awaitState("running", ATTACH_LIMIT, "here", "peer");
        peer.awaitPing(ADDRESS);
    }

    private QemuGuest.Spec spec(final String port, final int pairs, final String device) {
        return new QemuGuest.Spec("guest-" + port, MAC, ADDRESS, ringbridge.socket(port), pairs, device);
    }

    /**
     * Starts a postcopy migration. The guest runs at its destination, and most of its memory arrives only after
     * {@code endPostcopy}.
     */
    private void startMigration(final int pairs, final String device) {
        final Path stream = directory.resolve("stream");
        destination = QemuGuest.receive(spec("there", pairs, device), image, directory, stream);
        guest.startPostcopy(stream, destination);
    }

    @AfterEach
    void end() {
        for (final AutoCloseable each : new AutoCloseable[] {destination, guest, peer, ringbridge}) {
            close(each);
        }
        if (directory != null) {
            Machine.delete(directory);
        }
    }

    private static void close(final AutoCloseable what) {
        try {
            if (what != null) {
                what.close();
            }
        } catch (final Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "split,           1, ''",
        "packed,          1, ',packed=on'",
        "two queue pairs, 2, ',mq=on'"})
    void aGuestRunsBeforeItsMemoryHasArrived(final String title, final int pairs, final String device) {
        boot(pairs, device);
        final String memory = guest.console().check("dd if=/dev/urandom of=/tmp/ram bs=64k count=256 2>/dev/null; "
            + "md5sum /tmp/ram", COMMAND_LIMIT);
        final Conversation conversation = new Conversation(peer, ADDRESS);
        conversation.startPing();
        conversation.awaitAnswers(RECEIVE_RING); // so that every available receive buffer has been written to
        conversation.startStream(guest, 8);
        startMigration(pairs, device);
        ringbridge.awaitState("running", ATTACH_LIMIT, "there");
        conversation.awaitAnswers(RECEIVE_RING); // so that buffers are used whose pages have not arrived
        final JsonNode result = guest.endPostcopy();
        assertTrue(result.path("ram").path("postcopy-requests").asLong() > 0, result::toString);
        ringbridge.output().await(
            Pattern.compile("port there: postcopy: all .* has arrived; waited for [1-9]\\d* pages of it"),
            0, ATTACH_LIMIT);
        assertEquals(memory, destination.console().check("md5sum /tmp/ram", COMMAND_LIMIT), "the guest's memory");
        conversation.assertStream(destination);
        conversation.endPing();
    }

    @Test
    void aKilledDestinationAffectsOnlyItsPort() {
        boot(1, "");
        final Conversation conversation = new Conversation(peer, ADDRESS);
        conversation.startPing();
        startMigration(1, "");
        ringbridge.awaitState("running", ATTACH_LIMIT, "there");
        destination.kill();
        ringbridge.awaitState("waiting", ATTACH_LIMIT, "there");
        guest.kill();
        guest = QemuGuest.boot(spec("there", 1, ""), image, directory);
        ringbridge.awaitState("running", ATTACH_LIMIT, "there", "peer");
        conversation.endPing();
    }
}
