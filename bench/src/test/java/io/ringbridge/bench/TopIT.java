package io.ringbridge.bench;

import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** {@code ringbridge top} on a real terminal, which tmux provides. */
@Timeout(120)
class TopIT {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private Path directory;
    private Path socket;
    private SwitchProcess ringbridge;

    @BeforeEach
    void start() {
        Required.programs("tmux");
        directory = Machine.temporaryDirectory(0);
        socket = directory.resolve("tmux");
        ringbridge = SwitchProcess.start(new SwitchConfig().server("vm1").server("vm2"));
        // The shell catches Ctrl-C, which it receives too. The view replaces a second shell, and has its process ID.
        tmux("-f", "/dev/null", "new-session", "-d", "-x", "90", "-y", "20",
            "trap : INT; cd " + directory + "; echo before; stty -g >mode; sh -c 'echo $$ >pid; exec "
                + SwitchProcess.launcher() + " top --api " + ringbridge.socket("api")
                + "'; status=$?; stty -g >mode-after; echo status $status; sleep 1000");
        awaitScreen("vm1");
    }

    @AfterEach
    void end() {
        try (SwitchProcess _ = ringbridge) {
            tmux("kill-server");
        } finally {
            Machine.delete(directory);
        }
    }

    @Test
    void theViewFollowsTheTerminalAndQRestoresIt() throws IOException {
        assertTrue(screen().contains("DROPS/S"), screen());
        assertFalse(screen().contains("before"), screen());
        tmux("resize-window", "-x", "50", "-y", "9");
        Await.until("the smaller screen", LIMIT,
            () -> screen().lines().allMatch(line -> line.length() <= 50) && screen().contains("q quits"));
        tmux("send-keys", "q");
        expectRestored(0);
    }

    @Test
    void ctrlCRestoresTheTerminal() throws IOException {
        tmux("send-keys", "C-c");
        expectRestored(0);
    }

    @Test
    void sigtermRestoresTheTerminal() throws IOException {
        Program.run(LIMIT, "kill", "-TERM", Files.readString(directory.resolve("pid")).strip());
        expectRestored(143);
    }

    @Test
    void aSwitchThatEndsRestoresTheTerminal() throws IOException {
        ringbridge.close();
        ringbridge = null;
        expectRestored(1);
        assertTrue(screen().contains("ringbridge: "), screen());
    }

    private void expectRestored(final int status) throws IOException {
        awaitScreen("status " + status);
        assertTrue(screen().contains("before"), screen());
        assertFalse(screen().contains("vm1"), screen());
        assertEquals("1 0", tmux("display-message", "-p", "#{cursor_flag} #{alternate_on}").strip());
        assertEquals(Files.readString(directory.resolve("mode")), Files.readString(directory.resolve("mode-after")));
    }

    private void awaitScreen(final String text) {
        Await.until('"' + text + "\" on the terminal", LIMIT, () -> screen().contains(text));
    }

    private String screen() {
        return tmux("capture-pane", "-p");
    }

    private String tmux(final String... arguments) {
        final List<String> command = new ArrayList<>(List.of("tmux", "-S", socket.toString()));
        command.addAll(List.of(arguments));
        return Program.run(LIMIT, command.toArray(String[]::new));
    }
}
