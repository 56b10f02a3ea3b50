package io.ringbridge.config;

import io.ringbridge.control.backend.Offer;
import io.ringbridge.control.protocol.VirtioFeatures;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that an error in the configuration is reported in one line, with its place and what is allowed. */
class ConfigErrorsTest {
    private static final String KEYS = "name, type, description, socket, mode, queues, mtu, permissions, owner, group, "
        + "suspend-messages, suspend-feature-bit, offloads, mac, inband, device-state, postcopy, iommu, cross-endian, "
        + "memory, log-base-reply, disabled, features, vlan, trunk, group-forward";

    private static final String OFFLOADS =
        "true, false or a list of csum, guest_csum, guest_tso4, guest_tso6, guest_ecn, guest_ufo, "
        + "host_tso4, host_tso6, host_ecn, host_ufo";

    private static final String TAP_KEYS =
        "name, type, description, device, queues, mtu, persist, master, up, vlan, trunk, group-forward";

    private static final String PCAP_KEYS =
        "name, type, description, interface, direction, ring-size, read, speed, write, snaplen, vlan, trunk, "
        + "group-forward";

    static Stream<Arguments> sharedPlaces() {
        return Stream.of(
            Arguments.of("ports:\n  - {name: a, type: pcap, write: x.pcap}\n  - {name: b, type: pcap, write: x.pcap}",
                "line 3: ports[1].write: x.pcap is used by port a on line 2; every port needs its own"),
            Arguments.of("ports:\n  - {name: a, type: pcap, write: x.pcap}\n  - {name: b, type: pcap, read: ./x.pcap}",
                "line 3: ports[1].read: ./x.pcap is used by port a on line 2; every port needs its own"),
            Arguments.of("ports:\n  - {name: a, type: pcap, read: x.pcap, write: ./x.pcap}",
                "line 2: ports[0].write: ./x.pcap is the capture to read; write to another file"),
            Arguments.of("ports:\n  - {name: a, type: tap, device: tap0}\n  - {name: b, type: pcap, interface: tap0}",
                "line 3: ports[1].interface: tap0 is used by port a on line 2; every port needs its own"),
            Arguments.of("ports:\n  - {name: a, type: tap, device: tap0, master: br0}\n"
                + "  - {name: b, type: pcap, interface: br0}",
                "line 3: ports[1].interface: br0 is used by port a on line 2; every port needs its own"),
            Arguments.of("ports:\n  - {name: a, type: tap, device: tap0}\n  - {name: b, type: tap, device: tap0}",
                "line 3: ports[1].device: tap0 is used by port a on line 2; every port needs its own"),
            Arguments.of("ports:\n  - {name: a, socket: /tmp/a}\n  - {name: b, socket: /tmp/a}",
                "line 3: ports[1].socket: /tmp/a is used by port a on line 2; every port needs its own"),
            Arguments.of("api: {socket: /tmp/a}\nports:\n  - {name: a, socket: /tmp/a}",
                "line 3: ports[0].socket: /tmp/a is used by the API on line 1; every port needs its own"));
    }

    static Stream<Arguments> mistakes() {
        return Stream.of(
            Arguments.of("ports:\n  - {name: a, sokcet: /tmp/x}\n",
                "line 2: ports[0].sokcet: unknown key (\"socket\"?); allowed: " + KEYS),
            Arguments.of("worker: 1",
                "line 1: worker: unknown key (\"workers\"?); allowed: "
                    + "workers, cpus, poll, api, http, fdb, recorder, latency, state, ports, mirrors"),
            Arguments.of("metrics: {listen: 127.0.0.1:80}",
                "line 1: metrics: unknown key; allowed: workers, cpus, poll, api, http, fdb, recorder, latency, "
                    + "state, ports, mirrors"),
            Arguments.of("\nfdb:\n  capcity: 1",
                "line 3: fdb.capcity: unknown key (\"capacity\"?); allowed: capacity, ageing"),
            Arguments.of("workers: many", "line 1: workers: \"many\" is not a whole number from 1 to 64"),
            Arguments.of("workers: 0", "line 1: workers: 0 is out of range; 1 to 64 is allowed"),
            Arguments.of("workers: 65", "line 1: workers: 65 is out of range; 1 to 64 is allowed"),
            Arguments.of("workers: 1.5", "line 1: workers: 1.5 is not a whole number from 1 to 64"),
            Arguments.of("workers: '1'", "line 1: workers: \"1\" is not a whole number from 1 to 64"),
            Arguments.of("workers: 99999999999", "line 1: workers: 99999999999 is out of range; 1 to 64 is allowed"),
            Arguments.of("workers: [1]", "line 1: workers: a list is not a whole number from 1 to 64"),
            Arguments.of("workers: 1\nworkers: 2", "line 2: workers: given twice; first on line 1"),
            Arguments.of("cpus: [1, 1]",
                "line 1: cpus: 1 is not a list of distinct processors from 0 to 1023, such as 1,3-5"),
            Arguments.of("cpus: 5-3",
                "line 1: cpus: \"5-3\" is not a list of distinct processors from 0 to 1023, such as 1,3-5"),
            Arguments.of("cpus: [1]\nworkers: 2", "line 1: cpus: 1 processor for 2 workers; one per worker is needed"),
            Arguments.of("poll: lazy", "line 1: poll: \"lazy\" is not busy or adaptive"),
            Arguments.of("poll: true", "line 1: poll: true is not busy or adaptive"),
            Arguments.of("api: /run/x",
                "line 1: api: \"/run/x\" is not a mapping; allowed keys: socket, owner, group, mode"),
            Arguments.of("fdb: {capacity: 15}", "line 1: fdb.capacity: 15 is out of range; 16 to 1048576 is allowed"),
            Arguments.of("fdb: {ageing: 300}",
                "line 1: fdb.ageing: 300 is not a time from 1s to 24h, such as 300s or 5m"),
            Arguments.of("fdb: {ageing: 25h}",
                "line 1: fdb.ageing: \"25h\" is not a time from 1s to 24h, such as 300s or 5m"),
            Arguments.of("recorder: {frames: 65537}",
                "line 1: recorder.frames: 65537 is out of range; 0 to 65536 is allowed"),
            Arguments.of("recorder: 0", "line 1: recorder: 0 is not a mapping; allowed keys: frames"),
            Arguments.of("latency: {sample: -1}",
                "line 1: latency.sample: -1 is out of range; 0 to 1073741824 is allowed"),
            Arguments.of("latency: 1024", "line 1: latency: 1024 is not a mapping; allowed keys: sample"),
            Arguments.of("- 1",
                "line 1: a list is not a mapping; allowed keys: "
                    + "workers, cpus, poll, api, http, fdb, recorder, latency, state, ports, mirrors"),
            Arguments.of("workers: &a 1\ncpus: *a", "line 2: aliases are not allowed"),
            Arguments.of("workers: 1\n---\nworkers: 2", "line 3: a second document starts here; only one is allowed"));
    }

    static Stream<Arguments> portMistakes() {
        return Stream.of(
            Arguments.of("ports: 3", "line 1: ports: 3 is not a list of ports"),
            Arguments.of("ports:\n  - vm1",
                "line 2: ports[0]: \"vm1\" is not a mapping; allowed keys: " + KEYS),
            Arguments.of("ports:\n  - {socket: /tmp/a}",
                "line 2: ports[0].name: missing; expected " + PortLimits.NAME_RULE),
            Arguments.of("ports:\n  - {name: a/b, socket: /tmp/a}",
                "line 2: ports[0].name: \"a/b\" is not " + PortLimits.NAME_RULE),
            Arguments.of("ports:\n  - {name: a}",
                "line 2: ports[0].socket: missing; expected the path of a Unix socket"),
            Arguments.of("ports:\n  - {name: a, socket: 7}",
                "line 2: ports[0].socket: 7 is not the path of a Unix socket"),
            Arguments.of("ports:\n  - {name: a, type: pcap, socket: /tmp/a}",
                "line 2: ports[0].socket: unknown key; allowed: " + PCAP_KEYS),
            Arguments.of("ports:\n  - {name: a, type: vdpa, socket: /tmp/a}",
                "line 2: ports[0].type: \"vdpa\" is not vhost-user, tap, pcap or backend"),
            Arguments.of("ports:\n  - {name: a, type: pcap}",
                "line 2: ports[0].interface: missing; expected " + PortLimits.DEVICE_RULE
                + "; or read, write or both with the paths of capture files"),
            Arguments.of("ports:\n  - {name: a, type: pcap, interface: eth0, write: x.pcap}",
                "line 2: ports[0].write: not allowed with an interface"),
            Arguments.of("ports:\n  - {name: a, type: pcap, write: x.pcap, direction: out}",
                "line 2: ports[0].direction: not allowed without an interface"),
            Arguments.of("ports:\n  - {name: a, type: pcap, write: x.pcap, speed: full}",
                "line 2: ports[0].speed: not allowed without a capture to read"),
            Arguments.of("ports:\n  - {name: a, type: pcap, interface: eth0, direction: up}",
                "line 2: ports[0].direction: \"up\" is not in or out or both"),
            Arguments.of("ports:\n  - {name: a, type: pcap, interface: eth0, snaplen: 59}",
                "line 2: ports[0].snaplen: 59 is out of range; 60 to 65553 is allowed"),
            Arguments.of("ports:\n  - {name: a, type: pcap, interface: eth0, ring-size: 4M}",
                "line 2: ports[0].ring-size: \"4M\" is not a whole number from 65536 to 1073741824"),
            Arguments.of("ports:\n  - {name: a, type: tap, socket: /tmp/a}",
                "line 2: ports[0].socket: unknown key; allowed: " + TAP_KEYS),
            Arguments.of("ports:\n  - {name: a, type: tap}",
                "line 2: ports[0].device: missing; expected " + PortLimits.DEVICE_RULE),
            Arguments.of("ports:\n  - {name: a, type: tap, device: sixteen-letters-}",
                "line 2: ports[0].device: \"sixteen-letters-\" is not " + PortLimits.DEVICE_RULE),
            Arguments.of("ports:\n  - {name: a, type: tap, device: tap%d}",
                "line 2: ports[0].device: \"tap%d\" is not " + PortLimits.DEVICE_RULE),
            Arguments.of("ports:\n  - {name: a, type: tap, device: tap0, master: a/b}",
                "line 2: ports[0].master: \"a/b\" is not " + PortLimits.DEVICE_RULE),
            Arguments.of("ports:\n  - {name: a, type: tap, device: tap0, up: 1}",
                "line 2: ports[0].up: 1 is neither true nor false"),
            Arguments.of("ports:\n  - {name: a, mode: both, socket: /tmp/a}",
                "line 2: ports[0].mode: \"both\" is not server or client"),
            Arguments.of("ports:\n  - {name: a, socket: /tmp/a, queues: 129}",
                "line 2: ports[0].queues: 129 is out of range; 1 to 128 is allowed"),
            Arguments.of("ports:\n  - {name: a, socket: /tmp/a, suspend-messages: never}",
                "line 2: ports[0].suspend-messages: \"never\" is neither true nor false"),
            Arguments.of("ports:\n  - {name: a, socket: /tmp/a, suspend-feature-bit: 41}",
                "line 2: ports[0].suspend-feature-bit: 41 is out of range; 42 to 43 is allowed"),
            Arguments.of("ports:\n  - {name: a, socket: /tmp/a, mtu: 67}",
                "line 2: ports[0].mtu: 67 is out of range; 68 to 65535 is allowed"),
            Arguments.of("ports:\n  - {name: a, socket: /tmp/a, offloads: 1}",
                "line 2: ports[0].offloads: 1 is not " + OFFLOADS),
            Arguments.of("ports:\n  - {name: a, socket: /tmp/a, offloads: [csum, tso]}",
                "line 2: ports[0].offloads: \"tso\" is not " + OFFLOADS),
            Arguments.of("ports:\n  - {name: a, socket: /tmp/a, offloads: [host_tso4]}",
                "line 2: ports[0].offloads: host_tso4 requires csum"),
            Arguments.of("ports:\n  - {name: a, socket: /tmp/a, offloads: [csum, guest_ufo]}",
                "line 2: ports[0].offloads: guest_ufo requires guest_csum"),
            Arguments.of("ports:\n  - {name: a, socket: /tmp/a, offloads: [csum, host_ecn]}",
                "line 2: ports[0].offloads: host_ecn requires host_tso4 or host_tso6"),
            Arguments.of("ports:\n  - {name: a, socket: /tmp/a, permissions: 999}",
                "line 2: ports[0].permissions: 999 is not an octal file mode from 0 to 0777, "
                    + "such as 0660"),
            Arguments.of("ports:\n  - name: a\n    socket: /tmp/a\n    mode: client\n    permissions: 0600",
                "line 5: ports[0].permissions: not allowed in mode client, in which the front-end creates the socket; "
                    + "allowed in mode server"),
            Arguments.of("ports:\n  - {name: a, socket: /tmp/a}\n  - {name: a, socket: /tmp/b}",
                "line 3: ports[1].name: \"a\" is taken by the port on line 2; every port needs its own"));
    }

    @ParameterizedTest
    @MethodSource({"mistakes", "portMistakes", "sharedPlaces"})
    void errorsNameFileLineKeyAndAllowedValues(final String text, final String message) {
        final ConfigException e = assertThrows(ConfigException.class, () -> ConfigReader.parse("dir/f.yaml", text));
        assertEquals("dir/f.yaml: " + message, e.getMessage());
    }

    @Test
    void invalidYamlIsReportedWithItsPlace() {
        for (final String text : List.of("ports: [", "a: b: c", "\tx: 1", "workers: 1\n  poll: busy", "x: \"")) {
            final ConfigException e = assertThrows(ConfigException.class, () -> ConfigReader.parse("f.yaml", text),
                text);
            assertTrue(e.getMessage().matches("f.yaml: line \\d+, column \\d+: invalid YAML: [^\\n]+"), e.getMessage());
        }
    }

    static Stream<Arguments> brokenLines() {
        return Stream.of(
            Arguments.of("workers: 1\nports:\n\t- {name: a}\n", "line 3, column 1"),
            Arguments.of("workers: 1\nfdb:\n  capacity: 16\n\tageing: 1s\n", "line 4, column 1"),
            Arguments.of("workers: 1\npoll: \"busy\napi: {}\n", "line 2, column 7"),
            Arguments.of("workers: 1\nfdb: {capacity: 16\n", "line 2, column 6"),
            Arguments.of("workers: 1\nfdb: {capacity: 16\npoll: busy\n", "line 2, column 6"),
            Arguments.of("ports:\n  - {name: a, socket: a\n  - {name: b, socket: b}\n", "line 2, column 5"),
            Arguments.of("cpus: [1, 2\n\nworkers: 2\n", "line 1, column 7"),
            Arguments.of("fdb: {capacity: 16 ageing: 1s}\n", "line 1, column 26"),
            Arguments.of("workers: 1\n- x\n", "line 2, column 1"),
            Arguments.of("workers: 1\npoll: busy: x\n", "line 2, column 11"),
            Arguments.of("workers: 1\npoll: \u0001\n", "line 2, column 7"));
    }

    @ParameterizedTest
    @MethodSource("brokenLines")
    void theReportedPlaceIsThatOfTheError(final String text, final String place) {
        final ConfigException e = assertThrows(ConfigException.class, () -> ConfigReader.parse("f.yaml", text));
        assertTrue(e.getMessage().startsWith("f.yaml: " + place + ": invalid YAML: "), e.getMessage());
    }

    @Test
    void anUnclosedBracketIsReportedWhereItIsAndWhereItIsNoticed() {
        assertEquals("f.yaml: line 2, column 6: invalid YAML: while parsing a flow mapping, expected ',' or '}', "
            + "but got : on line 3",
            assertThrows(ConfigException.class,
                () -> ConfigReader.parse("f.yaml", "workers: 1\nfdb: {capacity: 16\npoll: busy\n")).getMessage());
    }

    @Test
    void invalidJsonIsReportedWithItsPlace() {
        assertMessage("--port: line 1, column 13: invalid JSON: Unexpected end-of-input: expected close marker for "
            + "Object (start marker at line 1, column 1)", "{\"name\": \"b\"");
        assertMessage("--port: line 2, column 10: invalid JSON: Unexpected close marker '}': expected ']' (for Array "
            + "starting at line 2, column 8)", "{\"name\": \"b\",\n\"cpu\": [1}");
        assertMessage("--port: line 1: a list is not a mapping; allowed keys: " + KEYS, " [\"name\", \"b\"]");
    }

    @Test
    void deepNestingIsRefused() {
        final ConfigException e = assertThrows(ConfigException.class,
            () -> ConfigReader.parse("f.yaml", "[".repeat(40) + "]".repeat(40)));
        assertTrue(e.getMessage().endsWith("nested more than 16 levels deep"), e.getMessage());
    }

    @Test
    void errorsOfAPortOnTheCommandLineNameTheOption() {
        assertMessage("--port: sokcet: unknown key (\"socket\"?); allowed: " + KEYS, "name=a,sokcet=x");
        assertMessage("--port: queues: \"x\" is not a whole number from 1 to 128", "name=a,socket=x,queues=x");
        assertMessage("--port: \"vm1\" is not key=value; allowed keys: " + KEYS
            + ", device, persist, master, up, interface, direction, "
            + "ring-size, read, speed, write, snaplen", "vm1");
        assertMessage("--port: features: \"gso\" is not offered; allowed: "
            + String.join(", ", VirtioFeatures.names(Offer.virtio(1))), "name=a,socket=x,features=version_1+gso");
        assertMessage("--port: name: given twice", "name=a,name=b,socket=x");
        assertMessage("--port: socket: missing; expected the path of a Unix socket", "name=a");
    }

    /** Expects this message when a port on the command line is read. */
    static void assertMessage(final String message, final String spec) {
        assertEquals(message,
            assertThrows(ConfigException.class, () -> ConfigReader.parsePort("--port", spec)).getMessage());
    }

    @Test
    void unreadableFilesAreNamed(@TempDir final Path dir) throws IOException {
        final Path missing = dir.resolve("missing.yaml");
        assertEquals(missing + ": no such file",
            assertThrows(ConfigException.class, () -> ConfigReader.read(missing)).getMessage());
        final Path binary = Files.write(dir.resolve("binary"), new byte[] {(byte) 0xFF, (byte) 0xFE, 0, 1});
        assertEquals(binary + ": not UTF-8 text",
            assertThrows(ConfigException.class, () -> ConfigReader.read(binary)).getMessage());
        final ConfigException directory = assertThrows(ConfigException.class, () -> ConfigReader.read(dir));
        assertTrue(directory.getMessage().startsWith(dir + ": cannot be read"), directory.getMessage());
    }

    @Test
    void dissimilarWordsAreNotSuggested() {
        assertEquals(Optional.of("socket"), Spelling.nearest("sokcet", List.of("name", "socket")));
        assertFalse(Spelling.nearest("frobnicate", List.of("name", "socket")).isPresent());
        assertEquals(1, Spelling.distance("abdc", "abcd"));
    }
}
