package io.ringbridge.config;

import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.backend.SuspendOptions;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.transport.SocketAccess;
import io.ringbridge.control.uplink.PcapOptions;
import io.ringbridge.control.uplink.TapOptions;
import io.ringbridge.datapath.memory.MemoryFiles;
import io.ringbridge.datapath.os.PacketSocket.Direction;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.PollMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

import static io.ringbridge.config.ConfigErrorsTest.assertMessage;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests what is read from the configuration file and from the command line. */
class ConfigReaderTest {
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
            config.ports(), List.of()), config);
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
