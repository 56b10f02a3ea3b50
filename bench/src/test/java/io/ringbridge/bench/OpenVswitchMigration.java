package io.ringbridge.bench;

import io.ringbridge.bench.harness.GuestImage;
import io.ringbridge.bench.harness.QemuGuest;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.machine.ProjectRoot;
import io.ringbridge.bench.peer.OpenVswitch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Measures the migrations of {@link MigrationIT} with Open vSwitch instead of this switch, for comparison. It is not a
 * test of this switch, so it runs only if it is selected by name.
 */
class OpenVswitchMigration {
    private static final String ADDRESS = "10.77.0.1";
    private static final String MAC = "52:54:00:00:02:0a";
    private static final int MIGRATIONS = Integer.getInteger("migrations", 2);
    private static final int HUGEPAGES = 512;
    private static final Duration COMMAND_LIMIT = Duration.ofSeconds(60);

    private final Path directory = Machine.temporaryDirectory(0);
    private OpenVswitch ovs;
    private QemuGuest guest;
    private QemuGuest peer;

    @AfterEach
    void end() {
        for (final QemuGuest each : new QemuGuest[] {guest, peer}) {
            if (each != null) {
                each.close();
            }
        }
        if (ovs != null) {
            ovs.close();
        }
        Machine.delete(directory);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "split,                 1, ''",
        "packed,                1, ',packed=on'",
        "four queue pairs,      4, ',mq=on'",
        "announced by QEMU,     1, ',guest_announce=off'"})
    void aGuestMigrates(final String title, final int pairs, final String device) {
        Required.programs(QemuGuest.PROGRAM);
        Required.programs(GuestImage.PROGRAMS.toArray(String[]::new));
        Required.programs(OpenVswitch.missing().toArray(String[]::new));
        final GuestImage image = Required.resource("guest image",
            () -> GuestImage.create(ProjectRoot.target().resolve("guest")));
        final List<Integer> cpus = Machine.cpus();
        ovs = OpenVswitch.start(cpus.getFirst(), cpus.getLast(), Machine.reserveHugepages(HUGEPAGES) >= HUGEPAGES,
            List.of(), false);
        List.of("here", "there", "peer").forEach(ovs::addListeningPort);
        guest = QemuGuest.start(spec("here", pairs, device), image, directory);
        peer = QemuGuest.boot(new QemuGuest.Spec("peer", "52:54:00:00:02:0b", "10.77.0.2", ovs.socket("peer"), ""),
            image, directory);
        guest.awaitBoot();
        peer.awaitPing(ADDRESS);
        guest.console().check("dd if=/dev/urandom of=/tmp/ram bs=64k count=128 2>/dev/null", COMMAND_LIMIT);
        for (int i = 0; i < MIGRATIONS; i++) {
            final Conversation conversation = new Conversation(peer, ADDRESS);
            conversation.startPing();
            conversation.startStream(guest, 6);
            conversation.startDatagrams(guest, 3);
            final Move move = Move.of(guest, spec(i % 2 == 0 ? "there" : "here", pairs, device), image, directory);
            guest = move.guest();
            conversation.assertStream(guest);
            final String datagrams = conversation.endDatagrams();
            move.report("Open vSwitch, " + title, i, conversation.endPing(), datagrams);
        }
    }

    private QemuGuest.Spec spec(final String port, final int pairs, final String device) {
        return new QemuGuest.Spec("guest-" + port, MAC, ADDRESS, ovs.socket(port), pairs, device);
    }
}
