package io.ringbridge.bench;

import io.ringbridge.bench.harness.GuestImage;
import io.ringbridge.bench.harness.QemuGuest;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.machine.ProjectRoot;
import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Two guests without KVM reach each other. Their only network options are the output of {@code ringbridge qemu-args}.
 */
@Timeout(240)
class QemuArgsIT {
    private static final String ADDRESS_A = "10.79.0.1";
    private static final String ADDRESS_B = "10.79.0.2";
    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Test
    void guestsWithThePrintedOptionsPingEachOther() {
        Required.programs(QemuGuest.PROGRAM);
        Required.programs(GuestImage.PROGRAMS.toArray(String[]::new));
        final GuestImage image = Required.resource("guest image",
            () -> GuestImage.create(ProjectRoot.target().resolve("guest")));
        final Path directory = Machine.temporaryDirectory(0);
        final SwitchConfig config = new SwitchConfig().set("poll", "adaptive").server("a");
        config.server("b", 2);
        try (SwitchProcess ringbridge = SwitchProcess.start(config);
             QemuGuest a = start("a", ADDRESS_A, ringbridge, image, directory);
             QemuGuest b = start("b", ADDRESS_B, ringbridge, image, directory)) {
            a.awaitBoot();
            b.awaitBoot();
            a.awaitPing(ADDRESS_B);
            a.console().check("ping -c 5 -i 0.1 " + ADDRESS_B, LIMIT);
            b.console().check("ping -c 5 -i 0.1 " + ADDRESS_A, LIMIT);
        } finally {
            Machine.delete(directory);
        }
    }

    private static QemuGuest start(final String port, final String address, final SwitchProcess ringbridge,
                                   final GuestImage image, final Path directory) {
        final String printed = Program.run(LIMIT, SwitchProcess.launcher().toString(), "qemu-args", port,
            "--memory", QemuGuest.MEMORY, "--api", ringbridge.socket("api").toString());
        final List<String> options = List.of(printed.strip().split("\\s+")); // as a shell splits them
        assertTrue(options.stream().anyMatch(option -> option.contains(",mac=02:")), printed);
        return QemuGuest.start(QemuGuest.Spec.withoutPort("guest-" + port, address, options), image, directory);
    }
}
