package io.ringbridge.cli;

import io.ringbridge.app.Switch;
import io.ringbridge.config.ConfigReader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The command {@code mirror}, and mirrors in the output of other commands. */
@Timeout(60)
class MirrorCommandTest {
    @TempDir
    private Path dir;
    private Switch running;

    @BeforeEach
    void start() {
        running = Switch.start(ConfigReader.parse("test", "state: none\nports: [{name: vm1, socket: "
            + dir.resolve("vm1") + "}, {name: vm2, socket: " + dir.resolve("vm2") + "}]"));
        running.openPorts();
        running.openApi(dir.resolve("api"));
    }

    @AfterEach
    void end() {
        running.close();
    }

    private Run run(final String... args) {
        final List<String> all = new ArrayList<>(List.of(args));
        all.addAll(List.of("--api", dir.resolve("api").toString()));
        return Run.of(all.toArray(String[]::new));
    }

    @Test
    void mirrorsAreAddedListedAndRemoved() {
        assertEquals(new Run(0, "", ""), run("mirror", "add", "m1", "--from", "vm1", "--direction", "in", "--to",
            "vm2"));
        assertEquals(new Run(0, "", ""), run("mirror", "add", "m2", "--from", "vlan:10", "--to", "vm2"));
        final String table = """
            MIRROR  FROM     DIRECTION  TO   FRAMES  BYTES  DROPS
            m1      vm1      in         vm2       0      0      0
            m2      vlan:10  -          vm2       0      0      0
            """;
        assertEquals(new Run(0, table, ""), run("mirror", "list"));
        assertEquals(new Run(0, table, ""), run("show", "mirrors", "--bytes"));
        assertEquals("[{\"name\":\"m1\",\"from\":\"vm1\",\"direction\":\"in\",\"to\":\"vm2\",\"frames\":0,\"bytes\":0,"
            + "\"drops\":{}},{\"name\":\"m2\",\"from\":\"vlan:10\",\"to\":\"vm2\",\"frames\":0,\"bytes\":0,"
            + "\"drops\":{}}]\n", run("mirror", "list", "--json").out());
        assertTrue(run("show", "config").out().endsWith("""
            mirrors:
              - {name: m1, from: vm1, direction: in, to: vm2}
              - {name: m2, from: vlan:10, to: vm2}
            """));
        assertEquals(new Run(0, "", ""), run("mirror", "remove", "m1"));
        assertEquals(new Run(1, "", "ringbridge: no mirror is named \"m1\"; there are: m2\n"),
            run("mirror", "remove", "m1"));
    }

    @Test
    void mistakesAreOneLine() {
        assertEquals(new Run(2, "", "ringbridge: missing command: add, remove or list; see ringbridge mirror --help\n"),
            Run.of("mirror"));
        assertEquals(2, run("mirror", "add", "m1", "--from", "vm1").status());
        assertEquals(new Run(2, "", "ringbridge: mirror add: direction: \"up\" is not in or out or both\n"),
            run("mirror", "add", "m1", "--from", "vm1", "--direction", "up", "--to", "vm2"));
        assertEquals(new Run(1, "", "ringbridge: mirror add: mirror m1: to: no port is named \"vm3\"; there are: vm1, "
            + "vm2\n"), run("mirror", "add", "m1", "--from", "vm1", "--to", "vm3"));
    }

    @Test
    void aFileIsCheckedWithItsMirrors() throws Exception {
        final Path file = dir.resolve("c.yaml");
        Files.writeString(file, "ports: [{name: a, socket: /tmp/a}]\nmirrors:\n  - {name: m, from: a, to: b}\n");
        assertEquals(new Run(2, "", "ringbridge: " + file + ": mirror m: to: no port is named \"b\"; there are: a\n"),
            Run.of("run", "--config", file.toString(), "--check"));
        assertEquals(0, Run.of("run", "--config", file.toString(), "--port", "name=b,socket=/tmp/b", "--check")
            .status());
        Files.writeString(file, "mirrors:\n  - {name: m, from: a, to: b}\n  - {name: m, from: a, to: c}\n");
        assertEquals("ringbridge: " + file + ": line 3: mirrors[1].name: \"m\" is taken by the mirror on line 2; every "
            + "mirror needs its own\n", Run.of("run", "--config", file.toString(), "--check").err());
    }
}
