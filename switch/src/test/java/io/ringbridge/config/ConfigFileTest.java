package io.ringbridge.config;

import io.ringbridge.datapath.worker.PollMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Configurations that are written back to the text that they came from. */
class ConfigFileTest {
    private static final String BLOCK = """
        # the switch of rack 7
        workers: 1   # one is enough
        poll: adaptive

        ports:
          # the web server
          - name: vm1
            socket: /tmp/vm1   # of QEMU
            mtu: 1500          # like the others

          # the database
          - {name: vm2, socket: /tmp/vm2, vlan: 10}   # do not touch
          - name: vm3
            socket: "/tmp/vm3"
        # the end
        """;

    @TempDir
    private Path dir;

    private static PortConfig port(final String spec) {
        return ConfigReader.parsePort("test", spec);
    }

    private static String edit(final String text, final PollMode poll, final List<Integer> cpus,
                               final PortConfig... ports) {
        return ConfigFile.edit("test", text, ConfigReader.parse("test", text).withPoll(poll).withWorkers(1, cpus)
            .withPorts(List.of(ports)));
    }

    @Test
    void whatDoesNotChangeStaysAsItIs() {
        final List<PortConfig> ports = ConfigReader.parse("test", BLOCK).ports();
        assertEquals(BLOCK, edit(BLOCK, PollMode.ADAPTIVE, List.of(), ports.toArray(PortConfig[]::new)));
    }

    @Test
    void changesKeepCommentsAndOrder() {
        assertEquals("""
            # the switch of rack 7
            cpus: [1]
            workers: 1   # one is enough
            poll: busy

            ports:
              # the web server
              - name: vm1
                socket: /tmp/vm1   # of QEMU
                mtu: 9000          # like the others
                description: "web: \\"front\\""
                trunk: [20, 30-39]

              # the database
              - {name: vm2, socket: /tmp/vm2, vlan: null, mac: "52:54:00:00:00:02"}   # do not touch
              - {name: new, type: tap, device: tap0, queues: 1, persist: false, up: true}
            # the end
            """, edit(BLOCK, PollMode.BUSY, List.of(1),
            port("name=vm1,socket=/tmp/vm1,mtu=9000,trunk=20+30-39,description=web: \"front\""),
            port("name=vm2,socket=/tmp/vm2,mac=52:54:00:00:00:02"), port("name=new,type=tap,device=tap0")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "workers: 1", "# nothing\n", "{}", "ports: []\n", "ports:\n", "{\"ports\": []}",
        "{\"ports\": [{\"name\": \"a\", \"socket\": \"/tmp/a\"}]}",
        "ports: [{name: a, socket: /tmp/a}, {name: x, socket: /tmp/x}]",
        "{\"ports\": [{\"name\": \"x\", \"socket\": \"/tmp/x\"}, {\"name\": \"a\", \"socket\": \"/tmp/a\"}]}",
        "ports:\n- name: x\n  socket: /tmp/x\n- name: a\n  socket: /tmp/a\n  trunk:\n    - 10\n    - 20-29\npoll: busy",
        "ports:\n- name: a\n  socket: /tmp/a\n  offloads: # none\n  # that is\n    false\n"})
    void everyLayoutCanBeWritten(final String text) {
        final PortConfig a = port("name=a,socket=/tmp/a,vlan=5,permissions=0600,offloads=csum,,guest_csum");
        final PortConfig b = port("name=b,socket=/tmp/b b,description=true,group=100,queues=3");
        final Config wanted = ConfigReader.parse("test", text).withPoll(PollMode.BUSY).withPorts(List.of(a, b));
        final Config again = ConfigReader.parse("again", ConfigFile.edit("test", text, wanted));
        assertEquals(List.of(a, b), again.ports());
        assertEquals(PollMode.BUSY, again.poll());
    }

    /** Random sequences of changes, each written to the text that the last one left. */
    @Test
    void aTextCanBeEditedOverAndOver() {
        final SplittableRandom random = new SplittableRandom(7);
        String text = BLOCK;
        final List<PortConfig> ports = new ArrayList<>(ConfigReader.parse("test", text).ports());
        for (int i = 0; i < 500; i++) {
            final int at = random.nextInt(ports.size() + 1);
            if (at == ports.size()) {
                ports.add(port("name=p" + i + ",socket=/tmp/p" + i));
            } else if (random.nextInt(4) == 0 && ports.size() > 1) {
                ports.remove(at);
            } else {
                final List<String> changes = List.of("vlan=", "vlan=" + (1 + i), "mtu=" + (68 + i), "trunk=all",
                    "trunk=", "description=n" + i + " # x", "offloads=csum", "offloads=");
                ports.set(at, ConfigReader.parseChange("test", ports.get(at), changes.get(random.nextInt(8))));
            }
            final Config wanted = ConfigReader.parse("test", text).withPorts(ports);
            text = ConfigFile.edit("test", text, wanted);
            assertTrue(ports.containsAll(ConfigReader.parse("test", text).ports()), "step " + i);
            assertTrue(text.startsWith("# the switch of rack 7\n") && text.contains("\n# the end\n"), text);
        }
    }

    @Test
    void theFileIsReplacedAtOnceAndKeepsItsMode() throws IOException {
        final Path file = Files.writeString(dir.resolve("c.yaml"), BLOCK);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
        final Path link = Files.createSymbolicLink(dir.resolve("link"), file);
        final Config wanted =
            ConfigReader.read(file).withPorts(List.of(port("name=vm9,socket=/tmp/vm9"))).withPoll(PollMode.BUSY);
        ConfigFile.write(link, wanted);
        assertEquals(wanted.ports(), ConfigReader.read(file).ports());
        assertTrue(Files.isSymbolicLink(link));
        assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        try (Stream<Path> all = Files.list(dir)) {
            assertEquals(2, all.count());
        }
        Files.writeString(file, "ports: {}");
        assertThrows(ConfigException.class, () -> ConfigFile.write(file, wanted));
        assertEquals("ports: {}", Files.readString(file));
    }
}
