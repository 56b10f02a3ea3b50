package io.ringbridge.app;

import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.GuestPortConfig;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.State;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

@Timeout(20)
class StateDirectoryTest {
    @TempDir
    private Path dir;

    private static PortConfig port(final String name, final String socket) {
        return ConfigReader.parsePort("test", "name=" + name + ",socket=" + socket);
    }

    @Test
    void portsOfSeveralSwitchesHaveTheirOwnDirectories() {
        final StateDirectory state = new StateDirectory(dir);
        assertNotEquals(state.of(port("a", "/tmp/1/a")), state.of(port("a", "/tmp/2/a")));
        assertNotEquals(state.of(port("a", "/tmp/1/a")), state.of(port("b", "/tmp/1/a")));
        assertEquals(state.of(port("a", "/tmp/1/a")), state.of(port("a", "/tmp/1/../1/a")));
        assertEquals(state.of(port("a", "/tmp/a")),
            state.of(ConfigReader.parsePort("test", "name=a,socket=/tmp/a,mode=client,mtu=9000")));
        assertEquals(Optional.empty(), state.of(GuestPortConfig.inherited("a", 3)));
        assertEquals(Optional.empty(), state.of(ConfigReader.parsePort("test", "name=a,type=tap,device=tap0")));
    }

    @Test
    void directoriesUnusedForADayAreRemoved() throws IOException {
        final StateDirectory state = new StateDirectory(dir);
        final PortConfig own = port("own", "/tmp/own");
        final Instant now = Instant.now();
        final Path kept = make(state.of(own).orElseThrow(), now.minus(Duration.ofDays(3)));
        make(state.of(port("another", "/tmp/another")).orElseThrow(), now.minus(Duration.ofHours(23)));
        make(state.of(port("gone", "/tmp/gone")).orElseThrow(), now.minus(Duration.ofHours(25)));
        Files.writeString(dir.resolve("a.0.journal"), "from an earlier version");
        state.tend(List.of(own), now);
        assertEquals(Set.of("own", "another", "a.0.journal"), names());
        assertEquals(now.getEpochSecond(), Files.getLastModifiedTime(kept).toInstant().getEpochSecond());
        state.tend(List.of(own), now.plus(Duration.ofHours(2)));
        assertEquals(Set.of("own", "a.0.journal"), names());
        state.remove(own);
        assertEquals(Set.of("a.0.journal"), names());
    }

    @Test
    void itIsClosedToOthers() throws IOException {
        final Path state = dir.resolve("a/state");
        new StateDirectory(state).make();
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(state)));
        Files.setPosixFilePermissions(state, PosixFilePermissions.fromString("rwxr-x---"));
        new StateDirectory(state).make();
        assertEquals("rwxr-x---", PosixFilePermissions.toString(Files.getPosixFilePermissions(state)));
    }

    private static Path make(final Path kept, final Instant touched) throws IOException {
        Files.createDirectories(kept);
        Files.writeString(kept.resolve("a.0.journal"), "x");
        return Files.setLastModifiedTime(kept, FileTime.from(touched));
    }

    private Set<String> names() throws IOException {
        try (Stream<Path> files = Files.list(dir)) {
            return files.map(file -> file.getFileName().toString().replaceAll("-.*", "")).collect(Collectors.toSet());
        }
    }

    @Test
    void theDefaultIsInTheRuntimeDirectory() throws IOException {
        final Path runtime = Files.createDirectory(dir.resolve("runtime"));
        final Config placed = StateDirectory.place(Config.DEFAULT,
            List.of(dir.resolve("nonexistent/ringbridge/api.sock"), runtime.resolve("ringbridge/api.sock")));
        assertEquals(new State.Directory(runtime.resolve("ringbridge/state")), placed.state());
        assertEquals("rwx------",
            PosixFilePermissions.toString(Files.getPosixFilePermissions(runtime.resolve("ringbridge/state"))));
        assertEquals(placed, StateDirectory.place(placed, List.of()));
    }

    @Test
    void aSwitchWithoutAWritableDirectoryKeepsNoState() {
        final Config placed =
            StateDirectory.place(Config.DEFAULT, List.of(dir.resolve("nonexistent/ringbridge/api.sock")));
        assertEquals(new State.None(), placed.state());
    }
}
