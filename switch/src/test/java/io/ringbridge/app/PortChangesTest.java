package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.KeyChange;
import io.ringbridge.api.PortView;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigException;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Changes of ports that run: when each key takes effect, and what other ports notice of it. */
@Timeout(120)
class PortChangesTest {
    private static final int ROUNDS = Integer.getInteger("rounds", 40);
    private static final String NOW = "now";
    private static final String LATER = "at the next negotiation";

    @TempDir
    private Path dir;

    private Switch start(final int workers, final String more) {
        final Config config = ConfigReader.parse("test", "workers: " + workers + "\nstate: none\nports: ["
            + "{name: a, socket: " + dir.resolve("a") + "}, {name: b, socket: " + dir.resolve("b") + "}" + more + "]");
        final Switch running = Switch.start(config);
        running.openPorts();
        return running;
    }

    private String port(final String name) {
        return ", {name: " + name + ", socket: " + dir.resolve(name) + "}";
    }

    private static Map<String, String> effects(final Map<String, KeyChange> changes) {
        return changes.entrySet().stream().collect(
            Collectors.toMap(Map.Entry::getKey, change -> change.getValue().effective(), (a, _) -> a, TreeMap::new));
    }

    private static Map<String, Object> config(final Switch running, final String port) {
        return running.config().view().ports().stream().filter(each -> each.get("name").equals(port)).findFirst()
            .orElseThrow();
    }

    /** Two guests send numbered frames to each other, while a third port comes, changes and goes. */
    @ParameterizedTest
    @CsvSource({"1, split", "2, split", "2, packed"})
    void otherPortsLoseNoFrame(final int workers, final String layout) throws Exception {
        final long features = Frontend.DEFAULT_FEATURES
            | ("packed".equals(layout) ? Features.of(Features.RING_PACKED) : 0);
        try (Switch running = start(workers, port("c"));
             TalkingGuests guests = new TalkingGuests(dir.resolve("a"), dir.resolve("b"), features);
             TalkingGuests.Talker _ = new TalkingGuests.Talker(dir.resolve("c"), features, 3)) {
            guests.exchange(10);
            final long descriptors = OpenDescriptors.count();
            guests.talk();
            for (int round = 0; round < ROUNDS; round++) {
                final String name = "d" + round % 3;
                running.ports().add("name=" + name + ",socket=" + dir.resolve(name));
                running.ports().change(name, "vlan=10,mtu=9000,offloads=false,queues=2,mac=52:54:00:00:00:0a");
                running.ports().change("c",
                    "vlan=" + (10 + round) + ",mtu=" + (1500 + round) + ",description=" + round);
                guests.awaitMore(100);
                running.ports().change("c", "vlan=,trunk=10+20-29,group-forward=lldp");
                running.ports().change("c", "trunk=");
                running.ports().remove(name);
            }
            guests.finish();
            final List<PortView> pair = running.ports().views().subList(0, 2);
            assertEquals(List.of(Map.of(), Map.of()), pair.stream().map(PortView::drops).toList());
            assertEquals(List.of((long) guests.a.received(), (long) guests.b.received()),
                pair.stream().map(PortView::outFrames).toList());
            assertEquals("running", running.ports().view("c").port().state());
            assertEquals(descriptors, OpenDescriptors.count());
        }
    }

    @Test
    void eachKeyTakesEffectNowOrAtTheNextNegotiation() throws IOException {
        try (Switch running = start(1, "")) {
            final String all = "mtu=9000,mac=52:54:00:00:00:01,offloads=csum,,guest_csum,queues=3,description=a b";
            assertEquals(Map.of("mtu", NOW, "mac", NOW, "offloads", NOW, "queues", NOW, "description", NOW),
                effects(running.ports().change("a", all)), "no front-end is attached");
            assertEquals(Map.of(), running.ports().change("a", all));
            try (Frontend frontend = Frontend.connect(dir.resolve("a"))) {
                frontend.negotiate(Frontend.DEFAULT_FEATURES);
                final long offered = frontend.query(new Message.GetFeatures());
                assertTrue(Features.has(offered, Features.MAC) && Features.has(offered, Features.MQ)
                    && Features.has(offered, Features.CSUM) && !Features.has(offered, Features.HOST_TSO4));
                assertEquals(3, frontend.maxVrings() / 2);
                assertEquals(Map.of("mtu", NOW, "vlan", NOW, "mac", LATER, "offloads", LATER, "queues", LATER),
                    effects(running.ports().change("a", "{\"mtu\": null, \"vlan\": 7, \"mac\": null, "
                        + "\"offloads\": false, \"queues\": 1}")));
                assertEquals(offered, frontend.query(new Message.GetFeatures()),
                    "an attached front-end keeps its offer");
                assertEquals(3, running.ports().view("a").port().queues());
                assertEquals(1500, running.ports().view("a").port().mtu());
                assertEquals(7, running.ports().view("a").port().vlan());
            }
            try (Frontend frontend = Frontend.connect(dir.resolve("a"))) {
                frontend.negotiate(Frontend.DEFAULT_FEATURES);
                final long offered = frontend.query(new Message.GetFeatures());
                assertEquals(0, offered & Features.OFFLOADS);
                assertFalse(Features.has(offered, Features.MAC) || Features.has(offered, Features.MQ));
                assertEquals(1, running.ports().view("a").port().queues());
            }
            assertEquals(Map.of("name", "a", "type", "vhost-user", "socket", dir.resolve("a").toString(), "mode",
                "server", "queues", 1, "mtu", 1500, "permissions", "0660", "offloads", List.of(), "vlan", 7,
                "description", "a b"), config(running, "a"));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "mtu=9000,vlan=4095 | port a: vlan: 4095 is out of range; 1 to 4094 is allowed",
        "mtu=9000,socket=/tmp/x | port a: socket cannot be changed while the port exists; remove the port and add it "
            + "again",
        "mtu=9000,name=b | port a: name cannot be changed while the port exists; remove the port and add it again",
        "mtu=9000,type=tap | port a: type cannot be changed while the port exists; remove the port and add it again",
        "mtu=9000,mode=client,permissions= | port a: mode, permissions cannot be changed while the port exists; remove "
            + "the port and add it again",
        "mtu=9000,socket= | port a: socket: missing; expected the path of a Unix socket",
        "mtu=9000,vlann=4 | port a: vlann: unknown key (\"vlan\"?); allowed: ",
        "mtu=9000,offloads=guest_tso4 | port a: offloads: guest_tso4 requires guest_csum",
        "mtu=9000,features=ctrl_vq | port a: features: \"ctrl_vq\" is not offered; allowed: ",
        "nonsense | port a: \"nonsense\" is not key=value; allowed keys: ",
        "[1] | port a: line 1: a list is not a mapping; allowed keys: "})
    void aWrongChangeChangesNothing(final String spec, final String why) {
        try (Switch running = start(1, "")) {
            final Map<String, Object> before = config(running, "a");
            final RuntimeException refused =
                assertThrows(RuntimeException.class, () -> running.ports().change("a", spec));
            assertTrue(refused instanceof ApiException || refused instanceof ConfigException, refused.toString());
            assertTrue(refused.getMessage().startsWith(why), refused.getMessage());
            assertFalse(refused.getMessage().contains("\n"));
            assertEquals(before, config(running, "a"));
            assertEquals(1500, running.ports().view("a").port().mtu());
        }
    }

    @Test
    void anUpgradeKeepsPendingChangesPending() throws Exception {
        final Config wanted = ConfigReader.parse("test",
            "state: none\nports: [{name: a, queues: 2, offloads: false, socket: " + dir.resolve("a")
                + "}, {name: b, socket: " + dir.resolve("b") + "}]");
        Switch running = start(1, "");
        try (TalkingGuests guests =
                 new TalkingGuests(dir.resolve("a"), dir.resolve("b"),
                     Frontend.DEFAULT_FEATURES | Features.of(Features.CSUM))) {
            guests.exchange(10);
            running.ports().change("a", "queues=2,mtu=1400,offloads=false");
            running = LocalUpgrade.run(dir, running, wanted);
            running = LocalUpgrade.run(dir, running, wanted);
            assertEquals(1, running.ports().view("a").port().queues());
            assertTrue(running.ports().view("a").port().features().contains("csum"));
            guests.exchange(10);
        } finally {
            try (Frontend frontend = Frontend.connect(dir.resolve("a"))) {
                frontend.negotiate(Frontend.DEFAULT_FEATURES);
                assertEquals(2, running.ports().view("a").port().queues());
                assertFalse(Features.has(frontend.query(new Message.GetFeatures()), Features.CSUM));
            } finally {
                running.close();
            }
        }
    }
}
