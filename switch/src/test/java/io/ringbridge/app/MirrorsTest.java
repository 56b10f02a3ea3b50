package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.EventControl;
import io.ringbridge.api.EventView;
import io.ringbridge.api.MirrorChanges;
import io.ringbridge.api.MirrorView;
import io.ringbridge.api.ReloadOptions;
import io.ringbridge.api.ReloadView;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigException;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.datapath.driver.QueueShape;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Mirrors of a switch: through the API, from the configuration file, over reloads and upgrades. */
@Timeout(120)
class MirrorsTest {
    private static final ReloadOptions DRY = new ReloadOptions(true, false, false);
    private static final ReloadOptions PRUNE = new ReloadOptions(false, true, false);
    private static final ReloadOptions RECREATE = new ReloadOptions(false, false, true);

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

    private String ports(final String... names) {
        final List<String> ports = new ArrayList<>();
        for (final String name : names) {
            ports.add("{name: " + name + ", socket: " + dir.resolve(name) + "}");
        }
        return "ports: [" + String.join(", ", ports) + "]";
    }

    private List<String> mirrors() {
        return running.mirrors().views().stream().map(each -> each.name() + " " + each.from() + " "
            + each.direction() + " " + each.to()).toList();
    }

    private void assertRefused(final String message, final String spec) {
        final List<String> before = mirrors();
        assertEquals(message,
            assertThrows(ConfigException.class, () -> running.mirrors().add(spec)).getMessage());
        assertEquals(before, mirrors());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void copiesAreCountedAndTheMirroredPairLosesNothing(final int workers) throws Exception {
        start("workers: " + workers, ports("a", "b", "monitor", "absent"));
        try (TalkingGuests guests =
                 new TalkingGuests(dir.resolve("a"), dir.resolve("b"), Frontend.DEFAULT_FEATURES);
             Guest monitor = Guest.attach(dir.resolve("monitor"), Frontend.DEFAULT_FEATURES,
                 new QueueShape(256, 2048))) {
            running.mirrors().add("name=m1,from=a,to=monitor");
            running.mirrors().add("name=m2,from=b,direction=out,to=absent");
            guests.exchange(50);
            assertTrue(monitor.queues().receiver().poll());
            guests.talk();
            guests.awaitMore(2000);
            guests.finish();
            final long both = (long) guests.a.sent() + guests.b.sent();
            final MirrorView first = running.mirrors().view("m1");
            final MirrorView second = running.mirrors().view("m2");
            assertEquals(both, first.frames() + first.drops().values().stream().mapToLong(Long::longValue).sum());
            assertTrue(first.frames() >= 100 && first.bytes() == 64 * first.frames(), first.toString());
            assertEquals(Map.of("no-receiver", (long) guests.a.sent()), second.drops());
            assertEquals(0, second.frames());
            running.ports().views().subList(0, 2).forEach(port -> assertEquals(Map.of(), port.drops()));
        }
    }

    @Test
    void mirrorsAreReportedAndEndWithTheirPorts() throws Exception {
        start(ports("a", "b", "c"), "mirrors: [{name: file, from: vlan:10, to: c}]");
        final EventControl.Feed events = running.events().follow();
        running.mirrors().add("{\"name\": \"hand\", \"from\": \"a\", \"direction\": \"in\", \"to\": \"c\"}");
        assertEquals(List.of("file vlan:10 null c", "hand a in c"), mirrors());
        assertEquals(List.of(Map.of("name", "file", "from", "vlan:10", "to", "c"),
            Map.of("name", "hand", "from", "a", "direction", "in", "to", "c")), running.config().view().mirrors());
        assertEquals("port c is the destination of a mirror, and has no stations meanwhile",
            assertThrows(ApiException.class, () -> running.fdb().add("mac=52:54:00:00:00:01,port=c")).getMessage());
        running.ports().remove("a");
        assertEquals(List.of("file vlan:10 null c"), mirrors());
        running.mirrors().remove("file");
        running.fdb().add("mac=52:54:00:00:00:01,port=c");
        final List<EventView> seen = new ArrayList<>();
        while (seen.size() < 3) {
            final EventView event = events.next(Duration.ofSeconds(10));
            if (event.kind().startsWith("mirror-")) {
                seen.add(event);
            }
        }
        assertEquals(List.of("mirror-added", "mirror-removed", "mirror-removed"),
            seen.stream().map(EventView::kind).toList());
        assertEquals("mirror hand: copies the frames that enter by port a to port c", seen.getFirst().text());
        assertEquals("hand", seen.getFirst().details().get("mirror"));
        final ApiException unknown = assertThrows(ApiException.class, () -> running.mirrors().remove("file"));
        assertEquals("404 no mirror is named \"file\"; there is none", unknown.status() + " " + unknown.getMessage());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        name=m,from=a,to=nobody | mirror m: to: no port is named "nobody"; there are: a, b, c, replay
        name=m,from=nobody,to=a | mirror m: from: no port is named "nobody"; there are: a, b, c, replay
        name=m,from=a,to=a | to: "a" is the port whose frames are copied; name another port
        name=m,from=vlan:0,to=a | from: "vlan:0" is not the name of a port, or vlan: and a number from 1 to 4094
        name=m,from=vlan:4095,to=a | from: "vlan:4095" is not the name of a port, or vlan: and a number from 1 to 4094
        name=m,from=vlan:10,direction=in,to=a | \
        direction: a VLAN has none, since each of its frames is copied once; omit direction
        name=m,from=a,direction=up,to=b | direction: "up" is not in or out or both
        name=m,from=a | to: missing; expected the name of a port
        from=a,to=b | name: missing; \
        expected 1 to 64 letters, digits, '.', '_' and '-', starting with a letter or digit
        name=m,from=a,to=b,speed=1 | speed: unknown key; allowed: name, from, direction, to
        name=first,from=b,to=c | mirror first: name: "first" is taken; every mirror needs its own
        name=m,from=b,to=a | \
        mirror m: to: "a" is the source of mirror first; copies are not copied again
        name=m,from=c,to=b | \
        mirror m: from: "c" is the destination of mirror first; copies are not copied again
        name=m,from=a,to=replay | mirror m: to: "replay" only replays a capture, and takes no frames
        """, quoteCharacter = '`')
    void badInputNamesKeyValueAndWhatIsAllowedAndChangesNothing(final String spec, final String message)
        throws IOException {
        Files.write(dir.resolve("replay.pcap"), new byte[] {
            (byte) 0xd4, (byte) 0xc3, (byte) 0xb2, (byte) 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 4, 0, 1, 0, 0, 0});
        start(ports("a", "b", "c").replace("]", ", {name: replay, type: pcap, read: " + dir.resolve("replay.pcap")
            + "}]"), "mirrors: [{name: first, from: a, to: c}]");
        assertRefused("mirror add: " + message, spec);
    }

    @Test
    void thereIsALimit() throws IOException {
        start(ports("a", "b"));
        for (int i = 0; i < 16; i++) {
            running.mirrors().add("name=m" + i + ",from=a,to=b");
        }
        assertRefused("mirror add: mirrors: 17 mirrors; at most 16 are allowed", "name=m16,from=a,to=b");
    }

    private static List<List<String>> lists(final ReloadView view) {
        final MirrorChanges changes = view.mirrors();
        return List.of(changes.added(), changes.removed(), changes.changed(), changes.unchanged(), changes.kept());
    }

    @Test
    void aReloadAppliesTheDifferenceUnderTraffic() throws Exception {
        start(ports("a", "b", "c", "d"),
            "mirrors: [{name: same, from: a, to: c}, {name: other, from: a, to: c}, {name: gone, from: b, to: c}]");
        running.mirrors().add("name=hand,from=b,to=c");
        try (TalkingGuests guests =
                 new TalkingGuests(dir.resolve("a"), dir.resolve("b"), Frontend.DEFAULT_FEATURES)) {
            guests.exchange(10);
            guests.talk();
            write(ports("a", "b", "c", "d"), "mirrors:",
                "  - {name: same, from: a, direction: both, to: c}",
                "  - {name: other, from: a, direction: in, to: d}",
                "  - {name: fresh, from: vlan:10, to: d}");
            final ReloadView planned = running.config().reload(DRY);
            assertEquals(4, mirrors().size());
            final ReloadView done = running.config().reload(ReloadOptions.DEFAULT);
            for (final ReloadView each : List.of(planned, done)) {
                assertEquals(List.of(List.of("fresh"), List.of("gone"), List.of("other"), List.of("same"),
                    List.of("hand")), lists(each));
            }
            assertEquals(List.of("same a both c", "hand b both c", "other a in d", "fresh vlan:10 null d"), mirrors());
            for (int i = 0; i < 20; i++) {
                guests.awaitMore(50);
                write(ports("a", "b", "c", "d"), "mirrors: [{name: same, from: a, to: " + (i % 2 == 0 ? "d" : "c")
                    + "}]");
                assertEquals(List.of("same"), lists(running.config().reload(PRUNE)).get(2));
            }
            guests.finish();
            running.ports().views().forEach(port -> assertTrue(port.name().equals("c") || port.name().equals("d")
                || port.drops().isEmpty(), port.toString()));
        }
    }

    @Test
    void aReloadThatIsWrongChangesNothing() throws Exception {
        start(ports("a", "b", "c"), "mirrors: [{name: m, from: a, to: c}]");
        running.mirrors().add("name=hand,from=b,to=c");
        write(ports("a", "b"), "mirrors: [{name: m, from: a, to: c}]");
        assertEquals("reload: mirror m: to: no port is named \"c\"; there are: a, b", assertThrows(
            ConfigException.class, () -> running.config().reload(ReloadOptions.DEFAULT)).getMessage());
        write(ports("a", "b", "c").replace("c}", "c}, {name: d, socket: /proc/none/d}"),
            "mirrors: [{name: m, from: b, to: c}]");
        assertThrows(ApiException.class, () -> running.config().reload(ReloadOptions.DEFAULT));
        assertEquals(List.of("hand b both c", "m a both c"), mirrors().stream().sorted().toList());
        assertEquals(3, running.ports().views().size());
    }

    @Test
    void mirrorsFollowPortsThatAReloadRemovesOrRecreates() throws Exception {
        start(ports("a", "b", "c"));
        running.mirrors().add("name=stays,from=a,to=c");
        running.mirrors().add("name=goes,from=b,to=c");
        write(ports("a", "c").replace("c}", "c, permissions: 0600}"));
        final ReloadView done = running.config().reload(RECREATE);
        assertEquals(List.of(List.of("goes"), List.of("stays")), List.of(lists(done).get(1), lists(done).get(4)));
        assertEquals(List.of("stays a both c"), mirrors());
        running.mirrors().remove("stays");
    }

    @Test
    void persistWritesTheMirrors() throws Exception {
        start(ports("a", "b", "c"), "mirrors:", "  - {name: gone, from: a, to: c}   # for a day",
            "  - {name: stays, from: b, to: c}   # for ever");
        running.mirrors().remove("gone");
        running.mirrors().add("name=new,from=vlan:10,to=c");
        running.config().persist();
        final String text = Files.readString(dir.resolve("c.yaml"));
        assertTrue(text.contains("for ever") && !text.contains("for a day"), text);
        assertEquals(List.of("stays", "new"), read().mirrors().stream().map(mirror -> mirror.name()).toList());
        assertEquals(List.of(List.of(), List.of(), List.of(), List.of("stays", "new"), List.of()),
            lists(running.config().reload(PRUNE)));
    }

    @Test
    void anUpgradeKeepsMirrorsAndTheirCounts() throws Exception {
        start(ports("a", "b", "c", "d"), "mirrors: [{name: file, from: a, to: c}, {name: gone, from: a, to: c}]");
        running.mirrors().remove("gone");
        running.mirrors().remove("file");
        running.fdb().add("mac=52:54:00:00:00:07,port=c");
        running.mirrors().add("name=hand,from=b,direction=in,to=c");
        running.mirrors().add("name=file,from=a,to=c");
        try (TalkingGuests guests =
                 new TalkingGuests(dir.resolve("a"), dir.resolve("b"), Frontend.DEFAULT_FEATURES)) {
            guests.exchange(100);
            write(ports("a", "b", "c", "d"), "mirrors: [{name: file, from: a, to: c}, {name: new, from: a, to: d}]");
            running = LocalUpgrade.run(dir, running, read());
            assertEquals(List.of("file a both c", "new a both d", "hand b in c"), mirrors());
            guests.exchange(100);
            assertEquals(List.of(Map.of("no-receiver", 400L), Map.of("no-receiver", 200L), Map.of("no-receiver", 200L)),
                running.mirrors().views().stream().map(MirrorView::drops).toList());
            assertEquals(List.of(), running.fdb().stations().stream().filter(each -> each.port().equals("c")).toList());
            running.mirrors().remove("hand");
            running.mirrors().remove("file");
            assertEquals(List.of("52:54:00:00:00:07"), running.fdb().stations().stream()
                .filter(each -> each.port().equals("c")).map(station -> station.mac()).toList());
        }
    }
}
