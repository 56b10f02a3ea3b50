package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.KeyChange;
import io.ringbridge.api.PortView;
import io.ringbridge.api.ReloadOptions;
import io.ringbridge.api.ReloadView;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigException;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.PortConfig;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Reloads of the configuration file. */
@Timeout(120)
class ReloadTest {
    private static final ReloadOptions DRY = new ReloadOptions(true, false, false);
    private static final ReloadOptions PRUNE = new ReloadOptions(false, true, false);
    private static final ReloadOptions RECREATE = new ReloadOptions(false, false, true);
    private static final int CPU = ThreadTuning.available().nextSetBit(0);

    @TempDir
    private Path dir;
    private Switch running;

    private void start(final String... lines) throws IOException {
        write(lines);
        running = Switch.start(read());
        running.configuredBy(dir.resolve("c.yaml"), this::read);
        running.openPorts();
    }

    @AfterEach
    void close() {
        running.close();
    }

    private void write(final String... lines) throws IOException {
        Files.writeString(dir.resolve("c.yaml"), "state: none\n" + String.join("\n", lines) + "\n");
    }

    private Config read() {
        return ConfigReader.readForHere(dir.resolve("c.yaml"));
    }

    private String port(final String name, final String more) {
        return "  - {name: " + name + ", socket: " + dir.resolve(name) + more + "}";
    }

    private List<String> names() {
        return running.ports().views().stream().map(PortView::name).toList();
    }

    private ReloadView reload() {
        return running.config().reload(ReloadOptions.DEFAULT);
    }

    @Test
    void theDifferenceIsAppliedAndTheUnchangedPairLosesNothing() throws Exception {
        start("ports:", port("a", ""), port("b", ""), port("gone", ""), port("c", ", vlan: 10"));
        running.ports().add("name=hand,socket=" + dir.resolve("hand"));
        try (TalkingGuests guests =
                 new TalkingGuests(dir.resolve("a"), dir.resolve("b"), Frontend.DEFAULT_FEATURES);
             TalkingGuests.Talker c =
                 new TalkingGuests.Talker(dir.resolve("c"), Frontend.DEFAULT_FEATURES, 3)) {
            guests.exchange(10);
            guests.talk();
            write("poll: busy", "ports:", port("b", ""), port("a", ""), port("new", ""),
                port("c", ", vlan: 20, queues: 2"));
            final ReloadView planned = running.config().reload(DRY);
            assertEquals(List.of("a", "b", "gone", "c", "hand"), names());
            final ReloadView done = reload();
            assertTrue(done.applied() && !planned.applied());
            assertEquals(Set.of("poll"), done.settings().keySet());
            for (final ReloadView each : List.of(planned, done)) {
                assertEquals(List.of(List.of("new"), List.of("gone"), List.of("b", "a"), List.of("hand")),
                    List.of(each.added(), each.removed(), each.unchanged(), each.kept()));
                assertEquals(Set.of("c"), each.changed().keySet());
                assertEquals(Map.of(), each.recreated());
            }
            assertEquals("now", done.changed().get("c").get("vlan").effective());
            assertEquals("at the next negotiation", done.changed().get("c").get("queues").effective());
            assertEquals(List.of("a", "b", "c", "hand", "new"), names());
            assertEquals("busy", running.config().view().poll());
            assertFalse(Files.exists(dir.resolve("gone")));
            for (int round = 0; round < 20; round++) {
                guests.awaitMore(50);
                write("ports:", port("a", ""), port("b", ""), port("c", ", vlan: " + (10 + round)),
                    port("new" + round, ""));
                assertEquals(List.of("new" + round), reload().added());
            }
            c.receive();
            guests.finish();
            assertEquals(List.of(Map.of(), Map.of()),
                running.ports().views().subList(0, 2).stream().map(PortView::drops).toList());
        }
    }

    @Test
    void portsAddedByHandStayUnlessPrunedAndThoseInTheFileAreNoLongerByHand() throws Exception {
        start("ports:", port("a", ""));
        running.ports().add("name=b,socket=" + dir.resolve("b"));
        running.ports().add("name=c,socket=" + dir.resolve("c"));
        write("ports:", port("a", ""), port("b", ""));
        assertEquals(List.of("c"), reload().kept());
        assertEquals(List.of("c"), running.config().reload(PRUNE).removed());
        write("ports:", port("a", ""));
        assertEquals(List.of("b"), reload().removed());
        assertEquals(List.of("a"), names());
    }

    @Test
    void keysThatAPortCannotChangeNeedRecreate() throws Exception {
        start("ports:", port("a", ""), port("b", ""));
        write("ports:", port("a", ", permissions: 0600, mtu: 9000"), port("b", ", mtu: 9000"));
        final ApiException refused = assertThrows(ApiException.class, this::reload);
        assertEquals("port a: permissions cannot be changed while the port exists; reload --recreate removes such "
            + "ports and adds them again", refused.getMessage());
        assertEquals(List.of(1500, 1500), running.ports().views().stream().map(PortView::mtu).toList());
        assertEquals(Set.of("permissions", "mtu"), running.config().reload(DRY).recreated().get("a").keySet());
        final ReloadView done = running.config().reload(RECREATE);
        assertEquals(Set.of("a"), done.recreated().keySet());
        assertEquals(Set.of("b"), done.changed().keySet());
        assertEquals(List.of(9000, 9000), running.ports().views().stream().map(PortView::mtu).toList());
        assertEquals("rw-------", PosixFilePermissions.toString(
            Files.getPosixFilePermissions(dir.resolve("a"))));
    }

    @Test
    void aPortMayTakeTheSocketOfARemovedOne() throws Exception {
        start("ports:", port("a", ""));
        write("ports: [{name: b, socket: " + dir.resolve("a") + "}]");
        reload();
        assertEquals(List.of("b"), names());
        try (Frontend frontend = Frontend.connect(dir.resolve("a"))) {
            frontend.negotiate(Frontend.DEFAULT_FEATURES);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "workers: 65 | DIR/c.yaml: line 2: workers: 65 is out of range; 1 to 64 is allowed",
        "workers: [2] | DIR/c.yaml: line 2: workers: ",
        "{workers: 2, cpus: [0]} | DIR/c.yaml: line ",
        "fdb: {capacity: 100} | fdb: {capacity: 65536, ageing: 300s} -> {capacity: 100, ageing: 300s}, by",
        "api: {socket: /tmp/api} | api: none -> /tmp/api, by",
        "wrkers: 2 | DIR/c.yaml: line 2: wrkers: unknown key (\"workers\"?); allowed: ",
        "- x | DIR/c.yaml: line ",
        "cpus: [1023] | DIR/c.yaml: line 2: cpus: processor 1023 does not exist"})
    void aFileThatCannotBeAppliedChangesNothing(final String line, final String why) throws Exception {
        start("ports:", port("a", ""), port("gone", ""));
        final long descriptors = OpenDescriptors.count();
        write(line, "ports:", port("a", ", mtu: 9000"), port("new", ""));
        final RuntimeException refused = assertThrows(RuntimeException.class, this::reload);
        assertTrue(refused instanceof ApiException || refused instanceof ConfigException, refused.toString());
        assertTrue(refused.getMessage().startsWith(why.replace("DIR", dir.toString())), refused.getMessage());
        assertEquals(List.of("a", "gone"), names());
        assertEquals(1500, running.ports().view("a").port().mtu());
        assertEquals(descriptors, OpenDescriptors.count());
    }

    @Test
    void aPortThatCannotBeOpenedUndoesTheWholeReload() throws Exception {
        start("ports:", port("a", ""), port("gone", ""), port("moved", ""));
        try (TalkingGuests.Talker _ =
                 new TalkingGuests.Talker(dir.resolve("a"), Frontend.DEFAULT_FEATURES, 1)) {
            write("poll: busy", "ports:", port("a", ", mtu: 9000, vlan: 10, queues: 2"), port("new", ""),
                "  - {name: wrong, socket: /nonexistent/wrong}",
                "  - {name: other, socket: " + dir.resolve("moved") + "}");
            final ApiException refused = assertThrows(ApiException.class, this::reload);
            assertTrue(refused.getMessage().startsWith("nothing was changed: port wrong: "), refused.getMessage());
            assertEquals(List.of("a", "gone", "moved"), names().stream().sorted().toList());
            assertEquals(1500, running.ports().view("a").port().mtu());
            assertEquals(null, running.ports().view("a").port().vlan());
            assertEquals("running", running.ports().view("a").port().state());
            assertEquals("adaptive", running.config().view().poll());
            assertFalse(Files.exists(dir.resolve("new")));
            assertTrue(Files.exists(dir.resolve("gone")));
        }
    }

    @Test
    void whatRunsIsWrittenToTheFileExceptTheOptionsOfTheCommandLine() throws Exception {
        start("# the switch", "ports:", port("a", "") + " # the first");
        final Supplier<Config> withOption = () -> {
            final List<PortConfig> ports = new ArrayList<>(read().ports());
            ports.add(ConfigReader.parsePort("--port", "name=option,socket=" + dir.resolve("option")));
            return read().withPorts(ports);
        };
        running.configuredBy(dir.resolve("c.yaml"), withOption);
        assertEquals(List.of("option"), reload().added());
        running.ports().add("name=hand,vlan=3,socket=" + dir.resolve("hand"));
        running.ports().change("a", "mtu=9000");
        running.config().change("{\"poll\": \"busy\"}");
        running.config().persist();
        assertEquals("poll: busy\nstate: none\n# the switch\nports:\n" + port("a", ", mtu: 9000") + " # the first\n"
            + "  - {name: hand, type: vhost-user, socket: " + dir.resolve("hand")
            + ", mode: server, queues: 1, mtu: 1500, permissions: \"0660\", vlan: 3}\n",
            Files.readString(dir.resolve("c.yaml")));
        final ReloadView nothing = reload();
        assertEquals(List.of("a", "hand", "option"), nothing.unchanged());
        assertEquals(Map.of(), nothing.settings());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"workers\": 0} | config: line 1: workers: 0 is out of range; 1 to 64 is allowed",
        "{\"workers\": \"two\"} | config: line 1: workers: ",
        "{\"workers\": 2, \"cpus\": [0]} | config: line 1: cpus: 1 processor for 2 workers; one per worker is needed",
        "{\"poll\": \"lazy\"} | config: line 1: poll: \"lazy\" is not busy or adaptive",
        "{\"cpus\": [1023]} | config: line 1: cpus: processor 1023 does not exist",
        "{\"poll\": \"busy\", \"cpus\": [0, 1]} | config: line 1: cpus: 2 processors for 1 worker",
        "{\"state\": \"none\"} | config: line 1: state: unknown key; allowed: workers, cpus, poll"})
    void wrongSettingsChangeNothing(final String spec, final String why) throws Exception {
        start("ports: []");
        final RuntimeException refused = assertThrows(RuntimeException.class, () -> running.config().change(spec));
        assertTrue(refused instanceof ApiException || refused instanceof ConfigException, refused.toString());
        assertTrue(refused.getMessage().startsWith(why), refused.getMessage());
        assertEquals("adaptive", running.config().view().poll());
        assertEquals(1, running.workers().views().size());
    }

    @Test
    void theNumberOfWorkersChangesUnderTraffic() throws Exception {
        start("ports:", port("a", ""), port("b", ", queues: 2"));
        try (TalkingGuests guests =
                 new TalkingGuests(dir.resolve("a"), dir.resolve("b"), Frontend.DEFAULT_FEATURES)) {
            guests.exchange(10);
            guests.talk();
            for (final int workers : new int[] {2, 1, 3, 1}) {
                guests.awaitMore(50);
                write("workers: " + workers, "ports:", port("a", ""), port("b", ", queues: 2"));
                final KeyChange planned = running.config().reload(DRY).settings().get("workers");
                assertEquals("now", planned.effective());
                assertEquals(planned, reload().settings().get("workers"));
                assertEquals(workers, running.workers().views().size());
                assertEquals(workers, running.config().view().workers());
            }
            for (int i = 0; i < 20; i++) {
                guests.awaitMore(20);
                final int workers = 2 + i % 3;
                assertEquals(Set.of("workers"),
                    running.config().change("{\"workers\": " + workers + "}").keySet());
                assertEquals(workers, running.workers().views().size());
            }
            assertEquals(Set.of("workers", "cpus"),
                running.config().change("{\"workers\": 1, \"cpus\": [" + CPU + "]}").keySet());
            assertEquals(CPU, running.workers().views().getFirst().cpu());
            guests.finish();
            assertEquals(List.of(Map.of(), Map.of()),
                running.ports().views().stream().map(PortView::drops).toList());
        }
    }

    @Test
    void aReloadThatFailsBringsTheWorkersBack() throws Exception {
        start("ports:", port("a", ""));
        write("workers: 3", "ports:", port("a", ""), "  - {name: wrong, socket: /nonexistent/wrong}");
        assertThrows(ApiException.class, this::reload);
        assertEquals(1, running.workers().views().size());
        assertEquals(1, running.config().view().workers());
    }

    @Test
    void theNumberOfWorkersIsWrittenToTheFile() throws Exception {
        start("ports: []");
        running.config().change("{\"workers\": 2}");
        running.config().persist();
        assertEquals("workers: 2\nstate: none\nports: []\n", Files.readString(dir.resolve("c.yaml")));
        assertEquals(Map.of(), reload().settings());
        running.config().change("{\"workers\": 1, \"cpus\": [" + CPU + "]}");
        running.config().persist();
        assertEquals("cpus: [" + CPU + "]\nworkers: 1\nstate: none\nports: []\n",
            Files.readString(dir.resolve("c.yaml")));
        assertEquals(Map.of(), reload().settings());
    }

    @Test
    void aSwitchWithoutAFileCannotReload() throws Exception {
        start("ports: []");
        try (Switch bare = Switch.start(read())) {
            assertEquals("the switch was started without a configuration file",
                assertThrows(ApiException.class, () -> bare.config().reload(ReloadOptions.DEFAULT)).getMessage());
        }
    }
}
