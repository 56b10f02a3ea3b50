package io.ringbridge.bench;

import io.ringbridge.bench.harness.GuestImage;
import io.ringbridge.bench.harness.QemuGuest;
import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.machine.ProjectRoot;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;

/**
 * Migrates a QEMU guest from one switch to another and back, under traffic from a peer that stays at the first switch.
 * The taps of both switches are ports of one kernel bridge. The cost of each migration is appended to
 * {@code target/migration.txt}. {@code -Dmigrations=N} migrates the guest N times.
 */
class UplinkMigrationIT {
    private static final String ADDRESS = "10.77.0.1";
    private static final String MAC = "52:54:00:00:04:0a";
    /**
     * More than one, because a port with one queue pair leaves the announcement to QEMU, regardless of the guest's
     * device.
     */
    private static final int PAIRS = 2;
    private static final int MIGRATIONS = Integer.getInteger("migrations", 2);
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final List<AutoCloseable> open = new ArrayList<>();
    private GuestImage image;
    private Path directory;
    private SwitchProcess east;
    private SwitchProcess west;
    private QemuGuest peer;
    private QemuGuest guest;

    @BeforeEach
    void start() {
        Required.programs(QemuGuest.PROGRAM);
        Required.programs(GuestImage.PROGRAMS.toArray(String[]::new));
        image = Required.resource("guest image", () -> GuestImage.create(ProjectRoot.target().resolve("guest")));
        directory = Machine.temporaryDirectory(0);
        open.add(() -> Machine.delete(directory));
        final NetworkNamespace namespace = opened(NetworkNamespace.create("move"));
        namespace.run("ip", "link", "add", "br0", "type", "bridge");
        namespace.run("ip", "link", "set", "br0", "up");
        east = startSwitch(namespace, "tap0");
        west = startSwitch(namespace, "tap1");
        east.awaitState("running", LIMIT, "up");
        west.awaitState("running", LIMIT, "up");
        final QemuGuest.Spec peerSpec = new QemuGuest.Spec("peer", "52:54:00:00:04:0b", "10.77.0.2",
            east.socket("peer"), "");
        peer = opened(QemuGuest.boot(peerSpec, image, directory));
    }

    private SwitchProcess startSwitch(final NetworkNamespace namespace, final String tap) {
        return opened(SwitchProcess.start(new SwitchConfig().inNamespace(namespace.name())
            .set("poll", "adaptive")
            .server("vm", PAIRS).server("known", PAIRS).mac(MAC).server("peer").tap("up", tap).master("br0")));
    }

    private <T extends AutoCloseable> T opened(final T closeable) {
        open.add(closeable);
        return closeable;
    }

    @AfterEach
    void stop() throws Exception {
        if (guest != null) {
            guest.close();
        }
        for (final AutoCloseable closeable : open.reversed()) {
            closeable.close();
        }
    }

    @ParameterizedTest(name = "announced by {0}")
    @CsvSource({"the guest, vm, ''", "QEMU, vm, ',guest_announce=off'", "its port, known, ''"})
    void aGuestMigratesToAnotherSwitch(final String by, final String port, final String device) {
        guest = QemuGuest.boot(spec(east.socket(port), "guest-east", device), image, directory);
        east.awaitState("running", LIMIT, port, "peer");
        peer.awaitPing(ADDRESS);
        assertEquals(device.isEmpty(), east.features(port).contains("guest_announce"));
        for (int i = 0; i < MIGRATIONS; i++) {
            final boolean there = i % 2 == 0;
            final SwitchProcess to = there ? west : east;
            final SwitchProcess from = there ? east : west;
            final Conversation conversation = new Conversation(peer, ADDRESS);
            conversation.startPing();
            conversation.startStream(guest, 6);
            final Move move = Move.of(guest, spec(to.socket(port), there ? "guest-west" : "guest-east", device), image,
                directory);
            guest = move.guest();
            to.awaitState("running", LIMIT, port);
            Await.until("both switches to learn the guest's new location", LIMIT,
                () -> to.portOf(MAC).equals(port) && from.portOf(MAC).equals("up"));
            conversation.assertStream(guest);
            move.report("another switch, announced by " + by, i, conversation.endPing());
        }
    }

    private static QemuGuest.Spec spec(final Path socket, final String name, final String device) {
        return new QemuGuest.Spec(name, MAC, ADDRESS, socket, device);
    }
}
