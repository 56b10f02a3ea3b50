package io.ringbridge.config;

import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.backend.Offer;
import io.ringbridge.control.backend.SuspendOptions;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.VirtioFeatures;
import io.ringbridge.control.transport.SocketAccess;
import io.ringbridge.control.uplink.PcapOptions;
import io.ringbridge.control.uplink.TapOptions;
import io.ringbridge.datapath.memory.MemoryFiles;
import io.ringbridge.datapath.os.PacketSocket.Direction;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.PollMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ConfigReaderTest {
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

    /** Returns the options of the back-end of the only or the last of some ports. */
    private static BackendOptions backend(final List<PortConfig> ports) {
        return assertInstanceOf(GuestPortConfig.class, ports.getLast()).backend();
    }

    private static BackendOptions backend(final String spec) {
        return backend(List.of(ConfigReader.parsePort("--port", spec)));
    }

    private static TapOptions tap(final PortConfig port) {
        return assertInstanceOf(TapPortConfig.class, port).options();
    }

    private static PcapOptions pcap(final PortConfig port) {
        return assertInstanceOf(PcapPortConfig.class, port).options();
    }

    @Test
    void readsEveryKey() {
        final Config config = ConfigReader.parse("f.yaml", """
            workers: 2
            cpus: [1, 3]
            poll: busy
            api: {socket: /run/a.sock, group: kvm, mode: 0600}
            http: {listen: "[::1]:9179", token: 0123456789abcdef}
            fdb: {capacity: 1024, ageing: 5m}
            recorder: {frames: 100}
            latency: {sample: 16}
            state: /run/state
            ports:
              - {name: vm1, type: vhost-user, socket: /run/vm1.sock, mode: server, queues: 4, mtu: 9000,
                 permissions: 0600}
              - name: vm2
                socket: /run/vm2.sock
                mode: client
                suspend-messages: false
                suspend-feature-bit: 42
                features: [version_1, mrg_rxbuf]
            """);
        assertEquals(new Config(2, List.of(1, 3), PollMode.BUSY, new Config.Api(Optional.of(Path.of("/run/a.sock")),
            new SocketAccess(0600, null, "kvm")),
            Optional.of(new Http(InetAddress.ofLiteral("::1"), 9179, Optional.of("0123456789abcdef"))),
            new Config.Fdb(1024, Duration.ofMinutes(5)), 100, 16, new State.Directory(Path.of("/run/state")),
            config.ports()), config);
        assertEquals(100, config.datapath().recordedFrames());
        assertEquals(16, config.datapath().latencySample());
        assertEquals(List.of("vm1", "vm2"), config.ports().stream().map(PortConfig::name).toList());
        final GuestPortConfig vm1 = assertInstanceOf(GuestPortConfig.class, config.ports().getFirst());
        assertEquals(List.of(PortKind.VHOST_USER, 4, 9000), List.of(vm1.kind(), vm1.queues(), vm1.mtu()));
        assertEquals(BackendOptions.server(Path.of("/run/vm1.sock")).withPermissions(0600), vm1.backend());
        final GuestPortConfig vm2 = assertInstanceOf(GuestPortConfig.class, config.ports().getLast());
        assertEquals(List.of(PortKind.VHOST_USER, 1, 1500), List.of(vm2.kind(), vm2.queues(), vm2.mtu()));
        assertEquals(BackendOptions.client(Path.of("/run/vm2.sock")).withSuspend(new SuspendOptions(false, 42))
            .withFeatureMask(Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES)),
            vm2.backend());
    }

    @Test
    void stateIsKeptUnlessDisabled() {
        assertEquals(new State.Default(), ConfigReader.parse("f.yaml", "workers: 1").state());
        assertEquals(new State.None(), ConfigReader.parse("f.yaml", "state: none").state());
        assertEquals(new State.Directory(Path.of("./none")), ConfigReader.parse("f.yaml", "state: ./none").state());
        assertEquals("f.yaml: line 1: state: true is not the path of a directory or none",
            assertThrows(ConfigException.class, () -> ConfigReader.parse("f.yaml", "state: true")).getMessage());
    }

    @Test
    void tapPortsHaveADevice() {
        final List<PortConfig> ports = ConfigReader.parse("f.yaml", """
            ports:
              - {name: up, type: tap, device: tap0}
              - {name: lan, type: tap, device: tap1, queues: 4, mtu: 9000, persist: true, master: br0, up: false}
            """).ports();
        assertEquals(TapOptions.of("tap0"), tap(ports.getFirst()));
        assertEquals(1, ports.getFirst().queues());
        assertEquals(new TapOptions("tap1", 9000, true, "br0", false), tap(ports.getLast()));
        assertEquals(4, ports.getLast().queues());
        assertEquals(ports.getLast(), ConfigReader.parsePort("--port",
            "name=lan,type=tap,device=tap1,queues=4,mtu=9000,persist=true,master=br0,up=false"));
    }

    @Test
    void pcapPortsHaveAnInterfaceOrFiles() {
        final List<PortConfig> ports = ConfigReader.parse("f.yaml", """
            ports:
              - {name: up, type: pcap, interface: eth1}
              - {name: tap, type: pcap, interface: eth2, direction: both, ring-size: 65536, snaplen: 1522}
              - {name: in, type: pcap, read: a.pcap}
              - {name: again, type: pcap, read: a.pcap, speed: full, write: b.pcap, snaplen: 96}
            """).ports();
        assertEquals(List.of(PcapOptions.of("eth1"),
            new PcapOptions("eth2", Direction.BOTH, 65536, null, false, null, 1522),
            PcapOptions.files(Path.of("a.pcap"), false, null, 0),
            PcapOptions.files(Path.of("a.pcap"), true, Path.of("b.pcap"), 96)),
            ports.stream().map(ConfigReaderTest::pcap).toList());
        assertEquals(List.of("up", "tap", "in", "again"), ports.stream().map(PortConfig::name).toList());
        assertEquals(PcapOptions.files(Path.of("a,b.pcap"), false, null, 0),
            pcap(ConfigReader.parsePort("--port", "name=in,type=pcap,read=a,,b.pcap,speed=recorded")));
    }

    @Test
    void anEmptyFileIsTheDefault() {
        for (final String text : List.of("", "\n# nothing\n", "{}", "ports:\n", "ports: []\napi: {}\nfdb:\n")) {
            assertEquals(Config.DEFAULT, ConfigReader.parse("f.yaml", text), text);
        }
    }

    @ParameterizedTest
    @CsvSource({"9179,127.0.0.1:9179", "127.0.0.1:80,127.0.0.1:80", "localhost:1,127.0.0.1:1",
        "127.1.2.3:65535,127.1.2.3:65535"})
    void httpListensOnLoopbackWithoutAToken(final String text, final String place) {
        final Http http = ConfigReader.parse("f", "http: {listen: " + text + "}").http().orElseThrow();
        assertEquals(place, http.place());
        assertTrue(http.isLoopback());
        assertEquals(Optional.empty(), http.token());
    }

    @Test
    void httpListensElsewhereWithATokenOnly() {
        final Http http =
            ConfigReader.parse("f", "http: {listen: '0.0.0.0:80', token: abcdefghijklmnop}").http().orElseThrow();
        assertEquals("0.0.0.0:80", http.place());
        assertFalse(http.isLoopback());
        assertFalse(ConfigReader.parse("f", "http: {listen: 80, token: abcdefghijklmnop}").toString()
            .contains("abcdefgh"), "the token is never printed");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "listen: '0.0.0.0:80'| http.listen: 0.0.0.0:80 can be reached from other hosts, and without a token anyone "
            + "there could read the switch's state; set http.token, or listen on 127.0.0.1:80",
        "listen: '[::]:80'| http.listen: [0:0:0:0:0:0:0:0]:80 can be reached from other hosts, and without a token "
            + "anyone there could read the switch's state; set http.token, or listen on 127.0.0.1:80",
        "listen: 0| http.listen: 0 is not [ADDRESS:]PORT with a port from 1 to 65535, such as 9179, 127.0.0.1:9179 or "
            + "[::1]:9179",
        "listen: 65536| http.listen: 65536 is not",
        "listen: 'x:80'| http.listen: \"x:80\" is not",
        "listen: '999.0.0.1:80'| http.listen: \"999.0.0.1:80\" is not",
        "listen: [80]| http.listen: a list is not",
        "token: abcdefghijklmnop| http.token: of no use without http.listen",
        "listen: 80, token: short| http.token: a value of 5 characters; allowed are 16 to 256 letters, digits and "
            + "-._~+/=",
        "port: 80| http.port: unknown key"})
    void refusesHttp(final String keys, final String why) {
        final String message = assertThrows(ConfigException.class,
            () -> ConfigReader.parse("f", "http: {" + keys + "}")).getMessage();
        assertTrue(message.startsWith("f: line 1: " + why), message);
    }

    @Test
    void jsonIsYaml() {
        final Config config = ConfigReader.parse("f.json", """
            {"poll": "adaptive", "ports": [
              {"name": "a", "type": "vhost-user", "socket": "/tmp/a.sock", "permissions": "0600"}]}
            """);
        assertEquals(BackendOptions.server(Path.of("/tmp/a.sock")).withPermissions(0600), backend(config.ports()));
    }

    @Test
    void cpusDetermineTheNumberOfWorkers() {
        assertEquals(3, ConfigReader.parse("f", "cpus: 1,4-5").workers());
        assertEquals(List.of(1, 4, 5), ConfigReader.parse("f", "cpus: 1,4-5").cpus());
    }

    @Test
    void offloadsAreAllOrNoneOrAList() {
        for (final String all : List.of("", ", offloads: true", ", offloads:")) {
            assertEquals(Features.OFFLOADS, offloads(all));
        }
        assertEquals(0, offloads(", offloads: false"));
        assertEquals(0, offloads(", offloads: []"));
        final long some = Features.of(Features.CSUM, Features.HOST_TSO4, Features.HOST_ECN);
        assertEquals(some, offloads(", offloads: [host_tso4, csum, host_ecn]"));
        assertEquals(some, backend("name=a,socket=/tmp/a,offloads=csum,,host_tso4,,host_ecn").featureMask()
            & Features.OFFLOADS);
        assertEquals(0, backend("name=a,socket=/tmp/a,offloads=false").featureMask() & Features.OFFLOADS);
    }

    private static long offloads(final String option) {
        final String text = "ports:\n  - {name: a, socket: /tmp/a" + option + "}";
        final long mask = backend(ConfigReader.parse("f", text).ports()).featureMask();
        assertEquals(~Features.OFFLOADS, mask & ~Features.OFFLOADS, "other features are not affected");
        return mask & Features.OFFLOADS;
    }

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
                    + "workers, cpus, poll, api, http, fdb, recorder, latency, state, ports"),
            Arguments.of("metrics: {listen: 127.0.0.1:80}",
                "line 1: metrics: unknown key; allowed: workers, cpus, poll, api, http, fdb, recorder, latency, "
                    + "state, ports"),
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
            Arguments.of("cpus: [1]\nworkers: 2", "line 1: cpus: 1 processors for 2 workers; one per worker is needed"),
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
                    + "workers, cpus, poll, api, http, fdb, recorder, latency, state, ports"),
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
                "line 2: ports[0].type: \"vdpa\" is not vhost-user, tap or pcap"),
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
    void aSocketPathHasRoomForItsTerminator() {
        final String longest = "/" + "s".repeat(106);
        assertEquals(Path.of(longest), backend("name=a,socket=" + longest).socket());
        assertMessage("--port: socket: the path has 108 bytes; at most 107 are allowed for a Unix socket",
            "name=a,socket=" + longest + "s");
        assertThrows(ConfigException.class,
            () -> ConfigReader.parsePort("--port", "name=a,socket=/" + "ö".repeat(54)));
    }

    @Test
    void theReplyToSetLogBaseHasOneOfTwoLengths() {
        assertEquals(16, backend("name=a,socket=s").logBaseReply());
        assertEquals(8, backend("name=a,socket=s,log-base-reply=8").logBaseReply());
        assertEquals(16, backend("name=a,socket=s,log-base-reply=16").logBaseReply());
        assertMessage("--port: log-base-reply: 9 is not 8 or 16", "name=a,socket=s,log-base-reply=9");
    }

    @Test
    void framesOfADisabledRingAreDiscardedByDefault() {
        assertTrue(backend("name=a,socket=s").discardWhenDisabled());
        assertTrue(backend("name=a,socket=s,disabled=discard").discardWhenDisabled());
        assertFalse(backend("name=a,socket=s,disabled=hold").discardWhenDisabled());
        assertMessage("--port: disabled: \"true\" is not discard or hold", "name=a,socket=s,disabled=true");
    }

    @Test
    void aPortOnTheCommandLineIsReadAsInTheFile() {
        final GuestPortConfig vm1 = assertInstanceOf(GuestPortConfig.class, ConfigReader.parsePort("--port",
            "name=vm1,type=vhost-user,socket=/run/vm1,,2.sock,queues=4,permissions=0640"));
        assertEquals(List.of("vm1", 4, 1500), List.of(vm1.name(), vm1.queues(), vm1.mtu()));
        assertEquals(BackendOptions.server(Path.of("/run/vm1,2.sock")).withPermissions(0640), vm1.backend());
        assertEquals(BackendOptions.client(Path.of("x"))
            .withFeatureMask(Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES)),
            backend("name=1,socket=x,mode=client,features=version_1+protocol_features"));
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

    @Test
    void onlyOfferedFeaturesCanBePinned() {
        final String spec = "name=a,socket=x,features=version_1+";
        assertEquals(Features.of(Features.VERSION_1, Features.CSUM, Features.HOST_TSO4, Features.PROTOCOL_FEATURES),
            backend(spec + "csum+host_tso4,offloads=csum,,host_tso4").featureMask());
        assertEquals(Features.of(Features.VERSION_1, Features.MAC, Features.PROTOCOL_FEATURES),
            backend(spec + "mac,mac=52:54:00:00:00:01").featureMask());
        for (final String bad : List.of("csum,offloads=false", "mac", "mq", "")) {
            final ConfigException refused = assertThrows(ConfigException.class,
                () -> ConfigReader.parsePort("--port", spec + bad), bad);
            assertTrue(refused.getMessage().contains("is not offered"), refused.getMessage());
        }
        assertMessage("--port: features: host_tso4 requires csum", spec + "host_tso4");
    }

    private static void assertMessage(final String message, final String spec) {
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

    @Test
    void optionalFeaturesAreOffByDefault() {
        final String plain = "name=vm1,socket=x";
        final BackendOptions none = BackendOptions.server(Path.of("x"));
        assertEquals(none, backend(plain));
        assertEquals(none.withMac(MacAddress.parse("52:54:00:00:00:0a")).with(ProtocolFeature.INBAND_NOTIFICATIONS)
            .with(ProtocolFeature.DEVICE_STATE).with(ProtocolFeature.PAGEFAULT).with(ProtocolFeature.CROSS_ENDIAN)
            .withIommu(true).withMemory(MemoryFiles.ANY),
            backend(plain + ",mac=52:54:00:00:00:0A,inband=true,device-state=true,postcopy=true,iommu=true"
                + ",cross-endian=true,memory=any"));
        assertEquals(none.withMac(MacAddress.parse("52:54:00:00:00:01")).with(ProtocolFeature.INBAND_NOTIFICATIONS),
            backend(ConfigReader.parse("f",
                "ports: [{name: a, socket: x, mac: 52:54:00:00:00:01, inband: true, device-state: false}]").ports()));
        for (final String bad : List.of("mac=52:54:00:00:00", "mac=01:00:5e:00:00:01", "mac=00:00:00:00:00:00",
            "inband=1", "device-state=yes", "postcopy=ram", "iommu=virtio", "cross-endian=big", "memory=disk")) {
            final String key = bad.substring(0, bad.indexOf('='));
            final String message =
                assertThrows(ConfigException.class, () -> ConfigReader.parsePort("--port", plain + ',' + bad))
                .getMessage();
            assertTrue(message.startsWith("--port: " + key + ": "), message);
        }
    }
}
