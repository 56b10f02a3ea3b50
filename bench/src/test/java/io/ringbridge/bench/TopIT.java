package io.ringbridge.bench;

import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** {@code ringbridge top} on a real terminal, which tmux provides. */
@Timeout(120)
class TopIT {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    @Test
    void theViewFollowsTheTerminalAndRestoresIt() {
        Required.programs("tmux");
        final Path directory = Machine.temporaryDirectory(0);
        final Path socket = directory.resolve("tmux");
        try (SwitchProcess ringbridge = SwitchProcess.start(new SwitchConfig().server("vm1").server("vm2"))) {
            final String command = SwitchProcess.launcher() + " top --api " + ringbridge.socket("api");
            tmux(socket, "-f", "/dev/null", "new-session", "-d", "-x", "90", "-y", "20",
                "echo before; " + command + "; echo status $?; sleep 1000");
            awaitScreen(socket, "vm1");
            assertTrue(screen(socket).contains("DROPS/S"), screen(socket));
            assertFalse(screen(socket).contains("before"), screen(socket));
            tmux(socket, "resize-window", "-x", "50", "-y", "9");
            Await.until("the smaller screen", LIMIT, () -> screen(socket).lines().allMatch(line -> line.length() <= 50)
                && screen(socket).contains("q quits"));
            tmux(socket, "send-keys", "q");
            awaitScreen(socket, "status 0");
            assertTrue(screen(socket).contains("before"), screen(socket));
            assertFalse(screen(socket).contains("vm1"), screen(socket));
        } finally {
            tmux(socket, "kill-server");
            Machine.delete(directory);
        }
    }

    private static void awaitScreen(final Path socket, final String text) {
        Await.until('"' + text + "\" on the terminal", LIMIT, () -> screen(socket).contains(text));
    }

    private static String screen(final Path socket) {
        return tmux(socket, "capture-pane", "-p");
    }

    private static String tmux(final Path socket, final String... arguments) {
        final List<String> command = new ArrayList<>(List.of("tmux", "-S", socket.toString()));
        command.addAll(List.of(arguments));
        return Program.run(LIMIT, command.toArray(String[]::new));
    }
}
