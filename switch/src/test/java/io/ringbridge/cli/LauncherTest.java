package io.ringbridge.cli;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the launcher {@code bin/ringbridge}: what it builds, and what it passes to Java. */
class LauncherTest {
    @TempDir
    private Path dir;

    /**
     * Copies the part of the tree that the launcher reads. Its {@code java} and {@code mvn} print or record their
     * arguments.
     */
    private Path launcher() throws IOException {
        final Path root = Files.createDirectories(dir.resolve("root with space"));
        final Path bin = Files.createDirectories(root.resolve("switch/bin"));
        for (final String module : List.of("datapath", "control", "switch")) {
            Files.createDirectories(root.resolve(module).resolve("src/main"));
            Files.writeString(root.resolve(module).resolve("pom.xml"), "");
        }
        Files.writeString(root.resolve("pom.xml"), "");
        final Path original = Path.of(System.getProperty("ringbridge.root"), "switch/bin/ringbridge");
        Files.copy(original, bin.resolve("ringbridge"), StandardCopyOption.COPY_ATTRIBUTES);
        script(dir.resolve("jdk/bin/java"), "for a; do printf '<%s>' \"$a\"; done; echo");
        Files.writeString(dir.resolve("jdk/release"), "JAVA_VERSION=\"25.0.1\"\n");
        script(dir.resolve("old/bin/java"), "echo old");
        Files.writeString(dir.resolve("old/release"), "JAVA_VERSION=\"17.0.1\"\n");
        script(dir.resolve("tools/mvn"), "echo built >> " + dir.resolve("builds")
            + "; mkdir -p switch/target; echo jar > switch/target/ringbridge.jar");
        return Files.createSymbolicLink(dir.resolve("link"), bin.resolve("ringbridge"));
    }

    private static void script(final Path path, final String text) throws IOException {
        Files.createDirectories(path.getParent());
        Files.writeString(path, "#!/bin/sh\n" + text + "\n");
        assertTrue(path.toFile().setExecutable(true));
    }

    private ProcessBuilder launch(final Path launcher, final String... args) {
        final List<String> command = new ArrayList<>(List.of(launcher.toString()));
        command.addAll(List.of(args));
        final ProcessBuilder builder = new ProcessBuilder(command).directory(Path.of("/").toFile());
        builder.environment().put("RINGBRIDGE_JAVA", dir.resolve("jdk").toString());
        builder.environment().put("PATH", dir.resolve("tools") + ":/usr/bin:/bin");
        builder.environment().remove("RINGBRIDGE_OPTS");
        return builder;
    }

    @Test
    void rebuildsOnlyIfASourceIsNewer() throws Exception {
        final Path launcher = launcher();
        final Process first = launch(launcher, "show", "two words").start();
        final Process second = launch(launcher, "run").start();
        final Run shown = Run.of(first);
        final Run ran = Run.of(second);
        assertEquals(0, shown.status(), shown.err());
        assertTrue(shown.out().endsWith("<-Xbootclasspath/a:"
            + dir.resolve("root with space/switch/target/ringbridge.jar")
            + "><io.ringbridge.cli.Main><show><two words>\n"), shown.out());
        assertTrue(shown.out().contains("<-XX:TieredStopAtLevel=1>"), shown.out());
        assertFalse(ran.out().contains("TieredStopAtLevel"), ran.out());
        assertEquals(1,
            (shown.err() + ran.err()).lines().filter(line -> line.startsWith("ringbridge: building ")).count());
        assertEquals(1, Files.readAllLines(dir.resolve("builds")).size());

        assertEquals("", Run.of(launch(launcher, "run").start()).err());
        Files.writeString(dir.resolve("root with space/control/src/main/New.java"), "");
        final Path jar = dir.resolve("root with space/switch/target/ringbridge.jar");
        Files.setLastModifiedTime(jar, FileTime.fromMillis(0));
        assertTrue(Run.of(launch(launcher, "run").start()).err().startsWith("ringbridge: building "));
        assertEquals(2, Files.readAllLines(dir.resolve("builds")).size());
    }

    @Test
    @Timeout(60)
    void printsHelpWithoutABuildOrAJdk() throws Exception {
        final Path launcher = launcher();
        final Path root = dir.resolve("root with space");
        final Path help = Path.of(System.getProperty("ringbridge.root"), "switch/src/main/help");
        final Path copy = Files.createDirectories(root.resolve("switch/src/main/help"));
        for (final String name : List.of("ringbridge", "show", "port-add", "bench", "bench-jmh")) {
            Files.copy(help.resolve(name + ".txt"), copy.resolve(name + ".txt"));
        }
        Files.writeString(root.resolve("pom.xml"), "<artifactId>ringbridge</artifactId>\n<version>1.2.3</version>\n");
        Files.createDirectories(root.resolve("bench/src/main"));
        Files.writeString(root.resolve("bench/pom.xml"), "");
        for (final List<String> line : List.of(List.of("ringbridge", "--help"), List.of("ringbridge", "-h", "show"),
            List.of("ringbridge", "help"), List.of("show", "show", "--help"), List.of("show", "help", "show"),
            List.of("show", "show", "ports", "-h"), List.of("port-add", "port", "add", "--help"),
            List.of("bench", "bench", "--help"),
            List.of("bench-jmh", "bench", "jmh", "--help"))) {
            final ProcessBuilder builder = launch(launcher, line.subList(1, line.size()).toArray(String[]::new));
            builder.environment().put("RINGBRIDGE_JAVA", dir.resolve("old").toString());
            final Run run = Run.of(builder.start());
            assertEquals("", run.err(), line.toString());
            assertEquals(Files.readString(help.resolve(line.getFirst() + ".txt")), run.out(), line.toString());
            assertEquals(0, run.status());
        }
        for (final String[] line : new String[][] {{"--version"}, {"show", "-V"}, {"bench", "--version"}}) {
            assertEquals("ringbridge 1.2.3\n", Run.of(launch(launcher, line).start()).out());
        }
        assertFalse(Files.exists(dir.resolve("builds")));
        assertTrue(Run.of(launch(launcher, "bench", "jmh", "-h").start()).err().contains("ringbridge: building "));
    }

    @Test
    @Timeout(60)
    void showsTheProgressOfABuild() throws Exception {
        final Path launcher = launcher();
        script(dir.resolve("tools/mvn"), "echo '[INFO] Scanning for projects...'"
            + "; echo '[INFO] Building Ringbridge datapath 0.1.0      [2/4]'"
            + "; echo '[INFO] --- maven-compiler-plugin:3.15.0:compile (default-compile) @ ringbridge-datapath ---'"
            + "; echo '[INFO] Building Ringbridge switch 0.1.0      [4/4]'"
            + "; mkdir -p switch/target; echo jar > switch/target/ringbridge.jar");
        final Run run = Run.of(launch(launcher, "run").start());
        assertEquals("ringbridge: building " + dir.resolve("root with space/switch/target/ringbridge.jar") + "\n"
            + "ringbridge:   Ringbridge datapath 0.1.0      [2/4]\nringbridge:   Ringbridge switch 0.1.0      [4/4]\n",
            run.err());
        assertEquals(0, run.status());
    }

    /**
     * The launcher leaves a trainer running in the background. A supervisor or QEMU may wait for the end of a
     * descriptor, so the trainer must not keep one open.
     */
    @Test
    @Timeout(60)
    void theCacheTrainerInheritsNoDescriptors() throws Exception {
        final Path launcher = launcher();
        final Path seen = dir.resolve("seen");
        final Path end = dir.resolve("end");
        assertEquals(0, new ProcessBuilder("mkfifo", end.toString()).start().waitFor());
        script(dir.resolve("jdk/bin/java"), "for a; do case $a in *AOTCacheOutput*) trains=yes;; esac; done\n"
            + "[ -n \"$trains\" ] || exit 0\n"
            + "{ echo \"notify ${NOTIFY_SOCKET:-none}\"; readlink /proc/$$/fd/*; echo end; } >> '" + seen
            + "'; echo > '" + end + "'");
        final ProcessBuilder builder = launch(Path.of("/bin/bash"), "-c",
            "exec 3</dev/zero 7</dev/zero 63</dev/zero; exec \"$@\"", "bash", launcher.toString(), "run", "--fd=7");
        builder.environment().put("NOTIFY_SOCKET", "/run/systemd/notify");
        final Run run = Run.of(builder.start());
        assertEquals(0, run.status(), run.err());
        assertEquals("\n", Files.readString(end)); // the trainer has written its report
        final String text = Files.readString(seen);
        assertTrue(text.startsWith("notify none\n"), text);
        assertFalse(text.contains("/dev/zero") || text.contains("pipe:"), text);
    }

    @Test
    void reportsMissingTools() throws Exception {
        final Path launcher = launcher();
        final ProcessBuilder old = launch(launcher, "run");
        old.environment().put("RINGBRIDGE_JAVA", dir.resolve("old").toString());
        final Run noJdk = Run.of(old.start());
        assertEquals(1, noJdk.status());
        assertEquals("ringbridge: RINGBRIDGE_JAVA=" + dir.resolve("old") + " is not a JDK 25 or later\n", noJdk.err());

        script(dir.resolve("tools/mvn"), "echo 'the reason'; exit 1");
        final Run broken = Run.of(launch(launcher, "run").start());
        assertEquals(1, broken.status());
        assertTrue(broken.err().endsWith("the reason\nringbridge: the build failed\n"), broken.err());
    }

    @Test
    void buildsWithTheMavenWrapperIfMavenIsNotInstalled() throws Exception {
        final Path launcher = launcher();
        final Path root = dir.resolve("root with space");
        Files.delete(dir.resolve("tools/mvn"));
        for (final String tool : List.of("bash", "cat", "cp", "find", "flock", "grep", "mkdir", "mktemp", "mv",
            "readlink", "rm", "sed", "touch")) {
            script(dir.resolve("tools").resolve(tool), "exec /usr/bin/" + tool + " \"$@\"");
        }
        final ProcessBuilder builder = launch(launcher, "show");
        builder.environment().put("PATH", dir.resolve("tools").toString());
        final String jar = root.resolve("switch/target/ringbridge.jar").toString();
        assertEquals("ringbridge: " + jar + " is missing or stale, and Maven (mvn) is not on PATH to build it; "
            + "install Maven\n", Run.of(builder.start()).err());
        script(root.resolve("mvnw"), "mkdir -p switch/target; echo \"jar $JAVA_HOME\" > switch/target/ringbridge.jar");
        assertEquals("ringbridge: " + jar + " is missing or stale; to build it, install Maven, or unzip for the Maven "
            + "wrapper\n", Run.of(builder.start()).err());
        script(dir.resolve("tools/unzip"), "exit 1");
        final Run built = Run.of(builder.start());
        assertEquals(0, built.status(), built.err());
        assertEquals("jar " + dir.resolve("jdk") + "\n", Files.readString(Path.of(jar)));
    }

    @Test
    void buildsAndRunsBench() throws Exception {
        final Path launcher = launcher();
        final Path root = dir.resolve("root with space");
        final Run missing = Run.of(launch(launcher, "bench", "throughput").start());
        assertEquals(1, missing.status());
        assertEquals("ringbridge: bench is not installed: neither "
            + root.resolve("bench/target/ringbridge-bench.jar")
            + " exists, nor " + root.resolve("bench") + " to build it from\n", missing.err());
        assertFalse(Files.exists(dir.resolve("builds")));

        Files.createDirectories(root.resolve("bench/src/main"));
        Files.writeString(root.resolve("bench/pom.xml"), "");
        script(dir.resolve("tools/mvn"), "echo \"$@\" >> " + dir.resolve("builds")
            + "; mkdir -p bench/target; echo jar > bench/target/ringbridge-bench.jar");
        final Run built = Run.of(launch(launcher, "bench", "throughput", "--sizes", "64").start());
        assertEquals(0, built.status(), built.err());
        assertTrue(built.out()
            .endsWith("root with space/bench/target/ringbridge-bench.jar><throughput><--sizes><64>\n"), built.out());
        assertTrue(built.out().contains("<-Dringbridge.launcher=" + root.resolve("switch/bin/ringbridge") + ">"),
            built.out());
        assertTrue(Files.readString(dir.resolve("builds")).contains("-pl bench -am package"));
        assertEquals("", Run.of(launch(launcher, "bench", "latency").start()).err());
        assertEquals(1, Files.readAllLines(dir.resolve("builds")).size());
    }
}
