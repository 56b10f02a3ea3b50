package io.ringbridge.bench;

import io.ringbridge.bench.machine.ProjectRoot;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The script {@code run-all-tests}, with programs that record how they are called in place of those of Debian. */
class RunAllTestsTest {
    private static final String SUMMARY = "Tests run: 2, Failures: 0, Errors: 0, Skipped: 1";

    @TempDir
    private Path directory;
    private Path tools;
    private Path calls;

    @BeforeEach
    void copyTheScript() throws IOException {
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.copy(ProjectRoot.find().resolve("run-all-tests"), directory.resolve("run-all-tests"),
            StandardCopyOption.COPY_ATTRIBUTES);
        Files.writeString(directory.resolve("pom.xml"), "");
        Files.createDirectories(directory.resolve("bench/target"));
        calls = directory.resolve("calls");
        tools = Files.createDirectory(directory.resolve("tools"));
        for (final String tool : List.of("awk", "bash", "chmod", "chown", "dirname", "env", "grep", "id",
            "mkdir", "mktemp", "rm", "script", "sed", "stat", "tee", "timeout", "uname")) {
            script(tools.resolve(tool), "exec /usr/bin/" + tool + " \"$@\"");
        }
        reserved(7);
        script(tools.resolve("sudo"), "[ \"$1\" != -n ] || shift; exec \"$@\"");
        script(tools.resolve("dpkg-query"), "case $* in *frr|*cpio|*unzip) exit 1;; esac; echo installed");
        script(tools.resolve("apt-cache"), "echo '  Depends: linux-image-6.1.0-9-cloud-amd64'");
        script(tools.resolve("apt-get"), "echo apt-get \"$@\" >> " + calls
            + "; [ \"$1\" != download ] || echo kernel > kernel.deb");
        script(tools.resolve("sysctl"), "echo sysctl \"$@\" >> " + calls);
        script(tools.resolve("mvn"), "echo mvn \"$@\" CI=$CI $(cat $RINGBRIDGE_KERNEL) >> " + calls
            + "; echo '[WARNING] " + SUMMARY + "'; echo '[INFO] " + SUMMARY + "'; exit 3");
    }

    private static void script(final Path path, final String text) throws IOException {
        Files.writeString(path, "#!/bin/bash\n" + text + "\n");
        assertTrue(path.toFile().setExecutable(true));
    }

    /** Sets the number of huge pages that the script reads. */
    private void reserved(final int pages) throws IOException {
        script(tools.resolve("cat"), "if [ \"$1\" = /proc/sys/vm/nr_hugepages ]; then echo " + pages
            + "; else exec /usr/bin/cat \"$@\"; fi");
    }

    private record Run(int status, String output) {
    }

    private Run run(final String input, final String... command) throws Exception {
        final List<String> words = new ArrayList<>(List.of(command));
        words.set(0, directory.resolve(command[0]).toString());
        final ProcessBuilder builder = new ProcessBuilder(words).redirectErrorStream(true);
        builder.environment().put("PATH", tools.toString());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().remove("CI");
        final Process process = builder.start();
        process.getOutputStream().write(input.getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().close();
        final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Run(process.waitFor(), output);
    }

    private List<String> calls(final String program) throws IOException {
        return Files.exists(calls) ? Files.readAllLines(calls).stream().filter(line -> line.startsWith(program))
            .toList() : List.of();
    }

    @Test
    void missingProgramsAreInstalledAndAllTestsRun() throws Exception {
        final Run run = run("", "run-all-tests", "--limit=5");
        assertEquals(3, run.status(), run.output());
        assertTrue(run.output().contains("  - install: cpio frr\n"), run.output());
        assertTrue(run.output().contains("changed: installed cpio frr; to undo: apt-get remove cpio frr\n"),
            run.output());
        assertTrue(run.output().endsWith(SUMMARY + '\n' + SUMMARY
            + "\nTests run: 4, Failures: 0, Errors: 0, Skipped: 2\n"), run.output());
        assertEquals(List.of("apt-get update -q", "apt-get install -q -y --no-install-recommends cpio frr",
            "apt-get download -q linux-image-6.1.0-9-cloud-amd64"), calls("apt-get"));
        assertEquals(List.of("mvn -B --no-transfer-progress verify CI=true kernel"), calls("mvn"));
        assertEquals(List.of("sysctl -q -w vm.nr_hugepages=1024"), calls("sysctl"));
        assertTrue(run.output().contains("to undo: sysctl -w vm.nr_hugepages=7\n"), run.output());
    }

    @Test
    void enoughHugePagesStayAsTheyAre() throws Exception {
        reserved(1024);
        final Run run = run("", "run-all-tests", "--install-only");
        assertFalse(run.output().contains("nr_hugepages"), run.output());
        assertEquals(List.of(), calls("sysctl"));
    }

    @Test
    void installOnlyRunsNoTest() throws Exception {
        final Run run = run("", "run-all-tests", "--yes", "--install-only");
        assertEquals(0, run.status(), run.output());
        assertEquals(2, calls("apt-get").size());
        assertEquals(List.of(), calls("mvn"));
    }

    @Test
    void nothingIsDoneUnlessTheAnswerIsYes() throws Exception {
        final String command = directory.resolve("run-all-tests") + " --install-only";
        final Run refused = run("n\n", "tools/script", "-qec", command, "/dev/null");
        assertEquals(1, refused.status(), refused.output());
        assertTrue(refused.output().contains("Continue? [y/N]"), refused.output());
        assertTrue(refused.output().contains("run-all-tests: nothing was changed"), refused.output());
        assertFalse(Files.exists(calls));
        final Run agreed = run("y\n", "tools/script", "-qec", command, "/dev/null");
        assertEquals(0, agreed.status(), agreed.output());
        assertEquals(2, calls("apt-get").size());
    }

    @Test
    void theWrapperBuildsIfMavenIsNotInstalled() throws Exception {
        Files.move(tools.resolve("mvn"), directory.resolve("mvnw"));
        final Run run = run("", "run-all-tests");
        assertEquals(3, run.status(), run.output());
        assertTrue(run.output().contains("  - install: cpio frr unzip\n"), run.output());
        assertEquals(List.of("mvn -B --no-transfer-progress verify CI=true kernel"), calls("mvn"));
    }

    @Test
    void aSourceTreeThatOthersCannotEnterIsReported() throws Exception {
        final String warning = "To avoid that, move the source tree, or run: chmod o+x " + directory + '\n';
        assertFalse(run("", "run-all-tests").output().contains(warning));
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
        final Run run = run("", "run-all-tests");
        assertTrue(run.output().contains(warning), run.output());
    }

    @Test
    void wrongUsageChangesNothing() throws Exception {
        for (final String argument : List.of("--all", "--limit", "--limit=soon")) {
            final Run run = run("", "run-all-tests", argument);
            assertEquals(2, run.status());
            assertTrue(run.output().startsWith("run-all-tests: ") && run.output().lines().count() == 1, run.output());
        }
        assertEquals(0, run("", "run-all-tests", "--help").status());
        assertFalse(Files.exists(calls));
    }
}
