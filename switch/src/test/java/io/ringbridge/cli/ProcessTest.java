package io.ringbridge.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.api.ApiClient;
import io.ringbridge.app.Switch;
import io.ringbridge.config.Config;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that need a process of their own: signals and exit statuses. */
class ProcessTest {
    private static final Path JAVA = Path.of(System.getProperty("java.home"), "bin", "java");
    private static final String TIME = "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3}";

    @TempDir
    private Path dir;

    private static Process java(final String... args) throws IOException {
        return java(List.of(), args);
    }

    private static Process java(final List<String> prefix, final String... args) throws IOException {
        return new ProcessBuilder(command(prefix, args)).start();
    }

    private static List<String> command(final List<String> prefix, final String... args) {
        final List<String> command = new ArrayList<>(prefix);
        command.addAll(List.of(JAVA.toString(), "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
            "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
            "io.ringbridge.cli.Main"));
        command.addAll(List.of(args));
        return command;
    }

    /** Reads the log up to the line that the switch is running, and returns the lines. */
    private static List<String> untilItRuns(final BufferedReader err) throws IOException {
        final List<String> lines = new ArrayList<>();
        do {
            final String line = err.readLine();
            assertTrue(line != null, lines.toString());
            lines.add(line);
        } while (!lines.getLast().contains("running with"));
        return lines;
    }

    @Test
    void sigtermEndsTheSwitchWithStatusZeroAndRemovesTheSockets() throws Exception {
        final Path port = dir.resolve("a.sock");
        final Path api = dir.resolve("api.sock");
        final Process process = java("run", "--port", "name=a,socket=" + port, "--api", api.toString());
        try (BufferedReader err = process.errorReader(StandardCharsets.UTF_8)) {
            final String line = untilItRuns(err).getLast();
            assertTrue(line.matches(TIME + " INFO  running with 1 port and 1 worker"), line);
            assertTrue(Files.exists(port) && Files.exists(api));
            process.destroy();
            assertTrue(process.waitFor(20, TimeUnit.SECONDS));
            assertEquals(0, process.exitValue());
            assertFalse(Files.exists(port));
            assertFalse(Files.exists(api));
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    @Timeout(60)
    void othersCanAccessNothingThatTheSwitchCreates() throws Exception {
        final Path made = Files.createDirectory(dir.resolve("made"));
        final Path config = Files.writeString(dir.resolve("switch.yaml"), """
            state: %1$s/state
            ports:
              - {name: a, socket: %1$s/a.sock}
              - {name: r, type: pcap, write: %1$s/r.pcap}
            """.formatted(made));
        final List<String> command = command(List.of("sh", "-c", "umask 0; exec \"$@\"", "sh"), "run", "--config",
            config.toString(), "--api", made.resolve("api.sock").toString());
        final Process process = new ProcessBuilder(command).start();
        try (BufferedReader err = process.errorReader(StandardCharsets.UTF_8)) {
            untilItRuns(err);
            try (Guest _ = Guest.attach(made.resolve("a.sock"),
                Frontend.DEFAULT_FEATURES | Features.of(Features.RING_PACKED), new QueueShape(64, 2048))) {
                Await.until(() -> files(made).stream().anyMatch(file -> file.toString().endsWith(".journal"))
                    && files(made).stream().anyMatch(file -> file.endsWith("attached.json")));
                final List<Path> files = files(made);
                assertTrue(files.containsAll(List.of(made.resolve("r.pcap"), made.resolve("a.sock"),
                    made.resolve("api.sock"))), files.toString());
                for (final Path file : files) {
                    final String mode = PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
                    assertTrue(mode.endsWith("---"), file + " " + mode);
                }
            }
        } finally {
            process.destroyForcibly();
        }
    }

    /** Returns the files and directories below a directory, without it. */
    private static List<Path> files(final Path directory) {
        try (Stream<Path> all = Files.walk(directory)) {
            return all.skip(1).toList();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void addPort(final Path api) {
        assertEquals(0,
            Run.of("port", "add", "name=a,socket=" + dir.resolve("a"), "--api", api.toString()).status());
    }

    @Test
    @Timeout(60)
    void eventsAreFollowedUntilInterrupted() throws Exception {
        final Path api = dir.resolve("api.sock");
        try (Switch running = Switch.start(Config.DEFAULT)) {
            running.openApi(api);
            addPort(api);
            final Process process = java("events", "--all", "--api", api.toString());
            try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
                final String first = out.readLine();
                assertTrue(first.matches(TIME + " a: server .*"), first);
                assertEquals(0, Run.of("port", "suspend", "a", "--api", api.toString()).status());
                assertTrue(out.readLine().endsWith(" a: suspended by the operator"));
                signal(process, "INT");
                assertTrue(process.waitFor(20, TimeUnit.SECONDS));
                assertEquals(0, process.exitValue());
            } finally {
                process.destroyForcibly();
            }
        }
    }

    @Test
    @Timeout(60)
    void aFollowerReportsThatTheSwitchHasEnded() throws Exception {
        final Path api = dir.resolve("api.sock");
        final Process process;
        try (Switch running = Switch.start(Config.DEFAULT)) {
            running.openApi(api);
            addPort(api);
            process = java("events", "a", "--all", "--json", "--api", api.toString());
            assertTrue(process.inputReader(StandardCharsets.UTF_8).readLine().startsWith("{\"id\":"));
        }
        assertEquals(1, process.waitFor());
        assertEquals("ringbridge: no switch answers at " + api + ": no such socket; \"ringbridge run --api " + api
            + "\" starts one there", process.errorReader(StandardCharsets.UTF_8).readLine());
    }

    @Test
    @Timeout(60)
    void theLogIsJsonIfRequested() throws Exception {
        final Process process = java("run", "--log-format", "json", "--port", "name=a,socket=" + dir.resolve("a"),
            "--api", dir.resolve("api").toString());
        try (BufferedReader err = process.errorReader(StandardCharsets.UTF_8)) {
            for (final String line : untilItRuns(err)) {
                assertTrue(new ObjectMapper().readTree(line).has("message"), line);
            }
        } finally {
            process.destroyForcibly();
        }
    }

    private static void signal(final Process process, final String signal) throws Exception {
        assertEquals(0, new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor());
    }

    private static String await(final BufferedReader err, final String text) throws IOException {
        String line;
        do {
            line = err.readLine();
            assertTrue(line != null, "not logged: " + text);
        } while (!line.contains(text));
        return line;
    }

    @Test
    @Timeout(60)
    void hangupAndUserSignalsAreLoggedAndIgnored() throws Exception {
        final String api = dir.resolve("api.sock").toString();
        final Process process = java("run", "--port", "name=a,socket=" + dir.resolve("a.sock"), "--api", api);
        try (BufferedReader err = process.errorReader(StandardCharsets.UTF_8)) {
            untilItRuns(err);
            for (int i = 0; i < 2; i++) {
                for (final String name : List.of("HUP", "USR1")) {
                    signal(process, name);
                    await(err, "INFO  SIG" + name + " ignored; \"ringbridge reload\" reloads the configuration");
                    assertEquals(0, Run.of("show", "ports", "--api", api).status());
                }
            }
            signal(process, "INT");
            await(err, "INFO  shutting down: received SIGINT");
            assertTrue(process.waitFor(20, TimeUnit.SECONDS));
            assertEquals(0, process.exitValue());
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    @Timeout(60)
    void hangupAndReloadApplyTheConfigurationFile() throws Exception {
        final Path file = dir.resolve("c.yaml");
        final String a = "{name: a, socket: " + dir.resolve("a.sock");
        final String api = dir.resolve("api.sock").toString();
        Files.writeString(file, "state: none\nports: [" + a + "}] # one\n");
        final Process process = java("run", "--config", file.toString(), "--api", api);
        try (BufferedReader err = process.errorReader(StandardCharsets.UTF_8)) {
            untilItRuns(err);
            Files.writeString(file, "state: none\nports: [" + a + ", mtu: 9000}, {name: b, socket: "
                + dir.resolve("b.sock") + "}] # two\n");
            signal(process, "HUP");
            await(err, "port a: mtu 1500 -> 9000, now");
            await(err, "reloaded the configuration: 1 ports added, 0 removed, 0 recreated, 1 changed, 0 unchanged");
            Files.writeString(file, "prts: []\n");
            signal(process, "HUP");
            await(err, "not reloaded: " + file + ": line 1: prts: unknown key (\"ports\"?)");
            final Run refused = Run.of("reload", "--api", api);
            assertEquals(1, refused.status());
            assertTrue(refused.err().contains("line 1: prts: unknown key"), refused.err());
            Files.writeString(file, "state: none\nports: [" + a + "}] # three\n");
            final Run planned = Run.of("reload", "--dry-run", "--api", api);
            assertEquals(new Run(0, "port b: removed\nport a: mtu: 9000 -> 1500, now\n", ""), planned);
            assertEquals(planned, Run.of("reload", "--api", api));
            assertEquals(new Run(0, "unchanged: a\n", ""), Run.of("reload", "--api", api));
            assertEquals(new Run(0, "mtu: 1500 -> 1400, now\nvlan: none -> 7, now\n", ""),
                Run.of("port", "set", "a", "vlan=7", "mtu=1400", "--api", api));
            assertEquals(new Run(0, "unchanged\n", ""), Run.of("port", "set", "a", "vlan=7", "--api", api));
            final Run wrong = Run.of("port", "set", "a", "mtu=1", "--api", api);
            assertEquals(1, wrong.status());
            assertTrue(wrong.err().contains("port a: mtu: 1 is out of range; 68 to 65535 is allowed"), wrong.err());
            try (ApiClient client = new ApiClient(Path.of(api))) {
                client.get("/v1/config?persist=true");
            }
            assertEquals("state: none\nports: [" + a + ", mtu: 1400, vlan: 7}] # three\n", Files.readString(file));
            assertEquals(new Run(0, "unchanged: a\n", ""), Run.of("reload", "--api", api));
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    @Timeout(60)
    void aSignalIgnoredAtTheStartStaysIgnored() throws Exception {
        final Path port = dir.resolve("a.sock");
        final Process process = java(List.of("sh", "-c", "trap '' HUP; exec \"$@\"", "sh"), "run", "--port",
            "name=a,socket=" + port,
            "--api", dir.resolve("api.sock").toString());
        try (BufferedReader err = process.errorReader(StandardCharsets.UTF_8)) {
            untilItRuns(err);
            signal(process, "HUP");
            signal(process, "TERM");
            await(err, "INFO  shutting down: received SIGTERM");
            assertTrue(process.waitFor(20, TimeUnit.SECONDS));
            assertEquals(0, process.exitValue());
            assertFalse(Files.exists(port));
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    @Timeout(60)
    void directoriesInTheRuntimeDirectoryAreCreated() throws Exception {
        final Path run = Files.createDirectory(dir.resolve("run"));
        final Path file = Files.writeString(dir.resolve("f.yaml"), "api: {socket: " + run
            + "/ringbridge/api.sock}\nports:\n"
            + "  - {name: a, socket: " + run + "/guests/one/a.sock}\n");
        final ProcessBuilder builder = new ProcessBuilder(command(List.of(), "run", "--config", file.toString()));
        builder.environment().put("XDG_RUNTIME_DIR", run.toString());
        final Process process = builder.start();
        try (BufferedReader err = process.errorReader(StandardCharsets.UTF_8)) {
            untilItRuns(err);
            for (final String made : List.of("ringbridge", "guests", "guests/one")) {
                assertEquals("rwxr-x---",
                    PosixFilePermissions.toString(Files.getPosixFilePermissions(run.resolve(made))));
            }
            assertTrue(Files.exists(run.resolve("guests/one/a.sock")));
            assertEquals(0, Run.of("show", "ports", "--api", run + "/ringbridge/api.sock").status());
            final ProcessBuilder client = new ProcessBuilder(command(List.of(), "show", "ports"));
            client.environment().put("RINGBRIDGE_API", run + "/ringbridge/api.sock");
            assertEquals(0, Run.of(client.start()).status());
            client.environment().put("RINGBRIDGE_API", run + "/none.sock");
            assertEquals("ringbridge: no switch answers at " + run + "/none.sock: no such socket; \"ringbridge run "
                + "--api " + run + "/none.sock\" starts one there\n", Run.of(client.start()).err());
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    @Timeout(60)
    void aFailedStartPrintsOnlyTheError() throws Exception {
        final Process process = java("run", "--port", "name=a,socket=/nonexistent/a.sock", "--api",
            dir.resolve("api.sock").toString());
        final String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(1, process.waitFor(), err);
        assertTrue(err.matches("ringbridge: port a: socket /nonexistent/a.sock[^\\n]*\\n"), err);
    }

    @Test
    void theSwitchRunsIfTheWarmUpFails() throws Exception {
        final Path port = dir.resolve("a.sock");
        // The memory of the warm-up's guests is a memory file, and exceeds this limit.
        final Process process = java(List.of("prlimit", "--fsize=65536"), "run", "--port", "name=a,socket=" + port,
            "--api", dir.resolve("api.sock").toString());
        try (BufferedReader err = process.errorReader(StandardCharsets.UTF_8)) {
            final List<String> lines = untilItRuns(err);
            assertTrue(lines.stream()
                .anyMatch(line -> line.contains("WARN  the warm-up failed, so the first frames will be slow: ")),
                lines.toString());
            assertTrue(Files.exists(port));
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void anUpgradeStartsAnotherProcessWithTheSameSockets() throws Exception {
        final Path port = dir.resolve("a.sock");
        final String api = dir.resolve("api.sock").toString();
        final Process process = java("run", "--port", "name=a,socket=" + port, "--api", api);
        final List<ProcessHandle> successors = new ArrayList<>();
        try (BufferedReader err = process.errorReader(StandardCharsets.UTF_8)) {
            untilItRuns(err);
            for (int i = 0; i < 2; i++) {
                final Object inode = Files.getAttribute(port, "unix:ino");
                final Run upgrade = Run.of("upgrade", "--api", api);
                assertEquals("", upgrade.err());
                assertTrue(upgrade.out()
                    .matches("process \\d+ has taken over 1 ports; forwarding paused for \\d+\\.\\d ms\\n"),
                    upgrade.out());
                successors.add(ProcessHandle.of(Long.parseLong(upgrade.out().split(" ", 3)[1])).orElseThrow());
                assertEquals(inode, Files.getAttribute(port, "unix:ino"));
                assertTrue(Run.of("show", "ports", "--api", api).out().contains("waiting"));
            }
            await(err, "INFO  shutting down: another process has taken over");
            assertTrue(process.waitFor(20, TimeUnit.SECONDS));
            assertEquals(0, process.exitValue());
            final Run refused = Run.of("upgrade", "--api", api, "--binary", "/bin/false");
            assertEquals(1, refused.status(), refused.err());
            successors.getFirst().onExit().get(20, TimeUnit.SECONDS);
            assertTrue(successors.getLast().isAlive());
            successors.getLast().destroy();
            successors.getLast().onExit().get(20, TimeUnit.SECONDS);
            assertFalse(Files.exists(port));
            assertFalse(Files.exists(Path.of(api)));
        } finally {
            process.destroyForcibly();
            successors.forEach(ProcessHandle::destroyForcibly);
        }
    }

    @Test
    void theDemoPrintsOneObject() throws Exception {
        final Process process = java("demo", "--seconds", "3", "--json");
        final String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        final String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), err);
        assertEquals("", err);
        assertTrue(out.startsWith("{\"seconds\":") && out.endsWith("}\n") && out.lines().count() == 1, out);
        for (final String key : List.of("\"frame_bytes\":64,", "\"frame_bytes\":512,", "\"frame_bytes\":1500,",
            "\"dropped\":0,")) {
            assertTrue(out.contains(key), out);
        }
    }
}
