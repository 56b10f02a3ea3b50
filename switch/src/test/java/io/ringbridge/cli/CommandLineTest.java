package io.ringbridge.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.app.Switch;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.GuestPortConfig;
import io.ringbridge.config.PortConfig;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.backend.SuspendOptions;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.datapath.memory.MemoryFiles;
import io.ringbridge.datapath.packet.MacAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class CommandLineTest {
    @TempDir
    private Path dir;

    @Test
    void capabilitiesAreJsonWithAnyOtherOptions() throws IOException {
        for (final Run run : List.of(Run.of("--print-capabilities"),
            Run.of("run", "--print-capabilities", "--nonsense"))) {
            assertEquals(0, run.status());
            final JsonNode json = new ObjectMapper().readTree(run.out());
            assertEquals("net", json.get("type").asText());
            assertTrue(json.get("features").isArray());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"--help", "run --help", "demo --help", "show --help", "port --help", "port add --help",
        "port remove --help",
        "port suspend --help", "port resume --help", "fdb --help", "fdb add --help", "fdb remove --help",
        "fdb flush --help",
        "events --help", "log --help", "log level --help",
        "upgrade --help", "qemu-args --help", "--version", "show --version", "port add --version", "help", "help show"})
    void helpIsPrinted(final String args) {
        final Run run = Run.of(args.split(" ", -1));
        assertEquals(0, run.status());
        assertEquals("", run.err());
        assertTrue(run.out().contains("ringbridge"), run.out());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "runn", "run --foo", "run --workers x", "run --workers 65", "run --poll lazy",
        "run --cpus 1-",
        "run --cpus 0,1 --workers 3", "run --socket-path=/tmp/x --port name=a,socket=/tmp/a",
        "run --fd=1 --socket-path=/tmp/x",
        "run --fd=4095", "run --port name=a", "run --port name=a,socket=/tmp/a --port name=a,socket=/tmp/b",
        "run --config /nonexistent",
        "show", "show nothing", "port", "port suspend", "port add", "port add nonsense", "demo --seconds 2",
        "demo --seconds x",
        "fdb", "fdb add", "fdb add 52:54:00:00:00:01", "fdb add 52:54:00:00:00:01 vm1 --vlan x", "fdb remove",
        "fdb flush vm1 vm2",
        "run --log-format xml", "events a b", "log", "log level loud", "log level default", "log level info a b",
        "upgrade --binary", "upgrade now", "upgrade --timeout x", "qemu-args vm1 --config /nonexistent",
        "qemu-args vm1 --accel xen",
        "qemu-args vm1 --config /nonexistent --qemu-version new", "help nothing"})
    void usageErrorsAreOneLineAndStatusTwo(final String args) {
        final Run run = args.isEmpty() ? Run.of() : Run.of(args.split(" ", -1));
        assertEquals("", run.out());
        assertTrue(run.err().matches("ringbridge: [^\\n]+\\n"), run.err());
        assertEquals(2, run.status(), run.err());
    }

    @Test
    void aFailedStartIsOneLineAndStatusOne() {
        final Run run = Run.of("run", "--socket-path=/nonexistent/dir/x.sock");
        assertEquals(1, run.status());
        assertTrue(run.err().lines().filter(line -> line.startsWith("ringbridge: "))
            .allMatch(line -> line.contains("/nonexistent/dir")));
        assertEquals(1, Run.of("show", "ports", "--api", dir.resolve("none.sock").toString()).status());
    }

    @Test
    void aFailedUpgradeIsOneLineAndStatusOne() throws IOException {
        final String api = dir.resolve("api.sock").toString();
        assertEquals("ringbridge: no switch answers at " + api + ": no such socket; \"ringbridge run --api " + api
            + "\" starts one there\n",
            Run.of("upgrade", "--api", api).err());
        final Path failing = Files.writeString(dir.resolve("failing"), "#!/bin/sh\nexit 3\n");
        assertTrue(failing.toFile().setExecutable(true));
        try (Switch running = Switch.start(Config.DEFAULT)) {
            running.openApi(Path.of(api));
            final Run embedded = Run.of("upgrade", "--api", api);
            assertEquals(1, embedded.status());
            assertEquals("ringbridge: this switch is embedded in another program and cannot be upgraded\n",
                embedded.err());
            running.startedBy(program -> List.of(program));
            final Run absent = Run.of("upgrade", "--api", api, "--binary", "/nonexistent/ringbridge");
            assertEquals(1, absent.status());
            assertTrue(absent.err()
                .matches("ringbridge: the upgrade failed and the old process keeps serving: "
                + "cannot start the new process: "
                + "[^\\n]*/nonexistent/ringbridge[^\\n]*\\n"), absent.err());
            final Run ended = Run.of("upgrade", "--api", api, "--binary", failing.toString());
            assertEquals(1, ended.status());
            assertEquals("ringbridge: the upgrade failed and the old process keeps serving: "
                + "the new process exited with status 3 before it was ready; "
                + "see its messages in the log of the switch\n",
                ended.err());
            ok("port", "add", "name=a,socket=" + dir.resolve("a.sock"), "--api", api);
        }
    }

    @Test
    void aRunningSwitchIsShownAndChanged() throws IOException {
        final String api = dir.resolve("api.sock").toString();
        final Path a = dir.resolve("a.sock");
        final Path b = dir.resolve("b.sock");
        final Path state = dir.resolve("state");
        final Config config = ConfigReader.parse("f", "state: " + state + "\nports: [{name: a, socket: " + a
            + ", queues: 2, offloads: [csum, host_tso4], features: [version_1, mq, csum]}]");
        try (Switch running = Switch.start(config)) {
            running.openPorts();
            running.openApi(Path.of(api));
            assertTrue(Files.exists(a) && Files.isDirectory(state));
            final JsonNode ports = new ObjectMapper().readTree(ok("show", "ports", "--json", "--api", api));
            assertEquals("a", ports.get(0).get("name").asText());
            assertEquals("waiting", ports.get(0).get("state").asText());
            assertEquals(List.of("name", "type", "socket", "mode", "state", "since", "why", "queues", "mtu", "features",
                "in_frames", "in_bytes", "out_frames", "out_bytes", "drops"),
                ports.get(0).properties().stream().map(java.util.Map.Entry::getKey).toList());
            assertTrue(ok("show", "ports", "--api", api).lines().toList().get(1)
                .startsWith("a     waiting       2  1500 "));
            assertTrue(ports.get(0).get("why").asText().startsWith("no front-end has connected to " + a + ": "));
            assertTrue(ok("show", "ports", "--api", api)
                .contains("\na: waiting since " + ports.get(0).get("since").asText()
                + "; no front-end has connected to " + a + ": "));
            assertTrue(ok("show", "queues", "--api", api).contains("queues not started: 4"));
            assertEquals(1, ok("show", "fdb", "--api", api).lines().count());
            assertEquals(2, ok("show", "workers", "--api", api).lines().count());

            ok("port", "add",
                "name=b,socket=" + b + ",mode=server,permissions=0600,suspend-messages=false,suspend-feature-bit=42"
                + ",mac=52:54:00:00:00:0a,inband=true,device-state=true,postcopy=true,iommu=true,cross-endian=true"
                + ",memory=any,disabled=hold,vlan=10,trunk=20+30-39,group-forward=lldp+0d",
                "--api", api);
            assertTrue(Files.exists(b));
            final JsonNode tagged = new ObjectMapper().readTree(ok("show", "ports", "--json", "--api", api)).get(1);
            assertEquals("10 [\"20\",\"30-39\"]", tagged.get("vlan") + " " + tagged.get("trunk"));
            assertEquals(List.of("VLAN", "-", "trunk 20,30-39 native 10"), ok("show", "ports", "--api", api).lines()
                .limit(3).map(line -> line.split(" {2,}", -1)[4].strip()).toList());
            for (int i = 0; i < 2; i++) {
                assertEquals("", ok("port", "suspend", "b", "--api", api));
                assertEquals("suspended", state(api, 1));
                assertEquals("waiting", state(api, 0));
            }
            for (int i = 0; i < 2; i++) {
                assertEquals("", ok("port", "resume", "b", "--api", api));
                assertEquals("waiting", state(api, 1));
            }
            assertEquals("ringbridge: no port is named \"c\"; there are: a, b\n",
                Run.of("port", "suspend", "c", "--api", api).err());
            assertEquals("ringbridge: no port is named \"c\"; there are: a, b\n",
                Run.of("port", "resume", "c", "--api", api).err());
            final Run twice = Run.of("port", "add", "name=b,socket=" + dir.resolve("c.sock"), "--api", api);
            assertEquals("ringbridge: port add: name: \"b\" is taken; every port needs its own\n", twice.err());
            assertEquals(1, Run.of("port", "add", "name=c,socket=/nonexistent/c.sock", "--api", api).status());

            final Config shown = ConfigReader.parse("shown", ok("show", "config", "--api", api));
            assertEquals(List.of("a", "b"), shown.ports().stream().map(port -> port.name()).toList());
            assertEquals(config.ports().getFirst(), shown.ports().getFirst());
            assertEquals(BackendOptions.server(b).withPermissions(0600).withSuspend(new SuspendOptions(false, 42))
                .withMac(MacAddress.parse("52:54:00:00:00:0a")).with(ProtocolFeature.INBAND_NOTIFICATIONS)
                .with(ProtocolFeature.DEVICE_STATE).with(ProtocolFeature.PAGEFAULT).with(ProtocolFeature.CROSS_ENDIAN)
                .withIommu(true).withMemory(MemoryFiles.ANY).withDiscardWhenDisabled(false),
                assertInstanceOf(GuestPortConfig.class, shown.ports().getLast()).backend());
            assertEquals("trunk 20,30-39 native 10", shown.ports().getLast().vlan().toString());
            assertEquals(List.of(0, 0x6000), shown.ports().stream().map(PortConfig::groupForward).toList());
            assertEquals(config.state(), shown.state());
            assertEquals(shown, ConfigReader.parse("json", ok("show", "config", "--json", "--api", api)));

            assertTrue(ok("qemu-args", "a", "--qemu-version", "7.2", "--api", api)
                .contains("path=" + a + ",reconnect=1\n"));
            assertTrue(ok("qemu-args", "b", "--accel", "kvm", "--api", api).endsWith("""
                -device intel-iommu,intremap=off,device-iotlb=on
                -device virtio-net-pci,netdev=net-b,mac=52:54:00:00:00:0a,host_mtu=1500,disable-legacy=on,\
                iommu_platform=on,ats=on
                """));
            ok("port", "remove", "b", "--api", api);
            assertTrue(Files.notExists(b));
            assertEquals("ringbridge: no port is named \"b\"; there are: a\n",
                Run.of("port", "remove", "b", "--api", api).err());
        }
        assertTrue(Files.notExists(a));
        assertTrue(Files.notExists(Path.of(api)));
    }

    @Test
    void staticStationsAreAddedAndRemoved() {
        final String api = dir.resolve("api.sock").toString();
        final Config config = ConfigReader.parse("f",
            "ports: [{name: a, socket: " + dir.resolve("a") + "}, {name: b, socket: "
            + dir.resolve("b") + ", vlan: 10}, {name: c, socket: " + dir.resolve("c") + ", trunk: [10, 20]}]");
        try (Switch running = Switch.start(config)) {
            running.openPorts();
            running.openApi(Path.of(api));
            assertEquals("", ok("fdb", "add", "52:54:00:00:00:01", "a", "--api", api));
            assertEquals("", ok("fdb", "add", "52:54:00:00:00:0A", "b", "--api", api));
            assertEquals("", ok("fdb", "add", "52:54:00:00:00:0a", "c", "--vlan", "20", "--api", api));
            assertEquals(List.of("52:54:00:00:00:01  0 a static", "52:54:00:00:00:0a 10 b static",
                "52:54:00:00:00:0a 20 c static"), stations(api));
            assertEquals("", ok("fdb", "add", "52:54:00:00:00:0a", "c", "--vlan", "10", "--api", api),
                "the station moves to another port");

            final String mac = " is not a unicast Ethernet address, such as 52:54:00:00:00:01";
            assertRefused(2, "fdb add: mac: \"x\"" + mac, "add", "x", "a", "--api", api);
            assertRefused(2, "fdb add: mac: \"01:00:00:00:00:01\"" + mac, "add", "01:00:00:00:00:01", "a",
                "--api", api);
            assertRefused(1, "no port is named \"d\"; there are: a, b, c", "add", "52:54:00:00:00:01", "d",
                "--api", api);
            assertRefused(1, "fdb add: vlan: port a is not in 10; the VLANs of port a are: none; omit vlan",
                "add", "52:54:00:00:00:01", "a", "--vlan", "10", "--api", api);
            assertRefused(1, "fdb add: vlan: missing; the VLANs of port c are: trunk 10,20", "add", "52:54:00:00:00:01",
                "c", "--api", api);
            assertRefused(2, "fdb add: vlan: 4095 is out of range; 0 to 4094 is allowed",
                "add", "52:54:00:00:00:01", "b", "--vlan", "4095", "--api", api);
            assertRefused(1, "station 52:54:00:00:00:0a is known in several VLANs: 10, 20; specify one",
                "remove", "52:54:00:00:00:0a", "--api", api);
            assertRefused(1, "station 52:54:00:00:00:0a is unknown in VLAN 30; it is known in 10, 20",
                "remove", "52:54:00:00:00:0a", "--vlan", "30", "--api", api);
            assertRefused(1, "station 52:54:00:00:00:02 is unknown", "remove", "52:54:00:00:00:02", "--api", api);
            assertRefused(1, "no port is named \"d\"; there are: a, b, c", "flush", "d", "--api", api);
            assertEquals(List.of("52:54:00:00:00:01  0 a static", "52:54:00:00:00:0a 10 c static",
                "52:54:00:00:00:0a 20 c static"), stations(api));

            assertEquals("", ok("fdb", "remove", "52:54:00:00:00:0a", "--vlan", "10", "--api", api));
            assertEquals("", ok("fdb", "remove", "52:54:00:00:00:0a", "--api", api));
            assertEquals("0 stations removed\n", ok("fdb", "flush", "--api", api));
            assertEquals("0 stations removed\n", ok("fdb", "flush", "b", "--static", "--api", api));
            assertEquals(List.of("52:54:00:00:00:01  0 a static"), stations(api));
            assertEquals("1 station removed\n", ok("fdb", "flush", "--static", "--api", api));
            assertEquals(List.of(), stations(api));
        }
    }

    @Test
    void theNumberOfStaticStationsIsLimited() {
        final String api = dir.resolve("api.sock").toString();
        final Config config = ConfigReader.parse("f", "ports: [{name: a, socket: " + dir.resolve("a") + "}]");
        try (Switch running = Switch.start(config)) {
            running.openPorts();
            running.openApi(Path.of(api));
            for (int i = 0; i < 1024; i++) {
                running.fdb().add(String.format("mac=52:54:00:00:%02x:%02x,port=a", i >> 8, i & 0xFF));
            }
            assertRefused(1, "port a already has 1024 static stations, the maximum", "add", "52:54:00:00:ff:01", "a",
                "--api", api);
            assertEquals("", ok("fdb", "add", "52:54:00:00:00:01", "a", "--api", api), "a station that is already set");
            assertEquals("1024 stations removed\n", ok("fdb", "flush", "a", "--static", "--api", api));
        }
    }

    private static List<String> stations(final String api) {
        return ok("show", "fdb", "--api", api).lines().skip(1)
            .map(line -> line.strip().replaceAll(" {2,}(?=[a-z])", " ")
            .replaceAll(" {2,}(?=\\d\\d)", " ").replaceAll(" {2,}", "  ")).toList();
    }

    private static void assertRefused(final int status, final String why, final String... args) {
        final List<String> all = new ArrayList<>(List.of("fdb"));
        all.addAll(List.of(args));
        final Run run = Run.of(all.toArray(String[]::new));
        assertEquals("ringbridge: " + why + "\n", run.err());
        assertEquals(status, run.status());
    }

    private static String state(final String api, final int port) throws IOException {
        return new ObjectMapper().readTree(ok("show", "ports", "--json", "--api", api)).get(port).get("state").asText();
    }

    @Test
    void qemuArgumentsMatchThePort() throws IOException {
        final Path config = Files.writeString(dir.resolve("f.yaml"), """
            ports:
              - {name: one, socket: /run/one.sock}
              - {name: many, socket: '/run/a,b.sock', mode: client, queues: 4, mtu: 9000, mac: 52:54:00:00:00:07}
            """);
        final String one = GuestMac.of("one");
        assertEquals("""
            -object memory-backend-memfd,id=mem-ringbridge,size=1G,share=on
            -numa node,memdev=mem-ringbridge
            -chardev socket,id=chr-one,path=/run/one.sock,reconnect=1
            -netdev vhost-user,id=net-one,chardev=chr-one,queues=1
            -device virtio-net-pci,netdev=net-one,mac=%s,host_mtu=1500
            """.formatted(one),
            ok("qemu-args", "one", "--config", config.toString(), "--qemu-version", "7.2.22", "--accel", "kvm"));
        assertEquals("""
            -object memory-backend-memfd,id=mem-ringbridge,size=2G,share=on
            -numa node,memdev=mem-ringbridge
            -chardev socket,id=chr-many,path=/run/a,,b.sock,server=on,wait=off
            -netdev vhost-user,id=net-many,chardev=chr-many,queues=4
            -device virtio-net-pci,netdev=net-many,mac=52:54:00:00:00:07,mq=on,vectors=10,host_mtu=9000
            """, ok("qemu-args", "many", "--config", config.toString(), "--memory", "2G", "--accel", "KVM"));
        assertTrue(ok("qemu-args", "one", "--config", config.toString(), "--qemu-version", "7.2")
            .contains(",vectors=0,"));
        for (final String port : List.of("one", "many")) {
            assertTrue(device(config, port, "7.2", "tcg").contains(",vectors=0,host_mtu="));
            assertFalse(device(config, port, "8.0", "tcg").contains("vectors=0"));
            assertFalse(device(config, port, "7.2", "kvm").contains("vectors=0"));
        }
        assertTrue(ok("qemu-args", "one", "--config", config.toString(), "--qemu-version", "10.0")
            .contains(",reconnect-ms=1000\n"));
        assertEquals("ringbridge: no port is named \"two\"; there are: one, many\n",
            Run.of("qemu-args", "two", "--config", config.toString()).err());
    }

    private static String device(final Path config, final String port, final String version, final String accel) {
        return ok("qemu-args", port, "--config", config.toString(), "--qemu-version", version, "--accel", accel).lines()
            .filter(line -> line.startsWith("-device virtio-net-pci")).findFirst().orElseThrow();
    }

    @Test
    void everyPortHasAStableAddressOfItsOwn() {
        final Set<String> addresses = new HashSet<>();
        for (int i = 0; i < 1024; i++) {
            final String mac = GuestMac.of("vm" + i, "0123456789abcdef");
            assertTrue(mac.matches("02(:[0-9a-f]{2}){5}"), mac);
            assertTrue(addresses.add(mac), mac);
        }
        assertEquals(GuestMac.of("vm1", "a"), GuestMac.of("vm1", "a"));
        assertNotEquals(GuestMac.of("vm1", "a"), GuestMac.of("vm1", "b"));
        assertEquals(GuestMac.of("vm1"), GuestMac.of("vm1"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
        show prots                | "prots" is not ports, queues, fdb, workers or config ("ports"?); \
        see ringbridge show --help
        runn                      | Unmatched argument at index 0: 'runn' ("run"?); see ringbridge --help
        port ad                   | Unmatched argument at index 1: 'ad' ("add"?); see ringbridge port --help
        run --wokers 2            | Unknown options: '--wokers', '2' ("--workers"?); see ringbridge run --help
        run --workers 65          | --workers: 65 is out of range; 1 to 64 is allowed
        demo --seconds 1          | --seconds 1 is out of range; 3 to 3600 is allowed; see ringbridge demo --help
        upgrade --timeout 0       | --timeout 0 is out of range; 1 to 3600 is allowed; see ringbridge upgrade --help
        port add name=a,type=tpa  | port add: type: "tpa" is not vhost-user, tap or pcap ("tap"?)
        port add name=a,mtu=10    | port add: mtu: 10 is out of range; 68 to 65535 is allowed
        """)
    void errorsNameTheAllowedValues(final String args, final String message) {
        assertEquals("ringbridge: " + message + "\n", Run.of(args.split(" ", -1)).err());
    }

    @Test
    void aWrongTypeInAPortOfAListBlamesNoOtherKey() {
        final String port = "name=a,type=tpa,device=tap0";
        assertEquals("ringbridge: --port " + port + ": type: \"tpa\" is not vhost-user, tap or pcap (\"tap\"?)\n",
            Run.of("run", "--port", "name=b,socket=/tmp/b", "--port", port).err());
    }

    @Test
    void aSingleCommaInAListIsExplained() {
        assertEquals("ringbridge: port add: \"host_tso4\" is not key=value; if it is part of offloads, double the "
            + "comma before it: ,,host_tso4\n",
            Run.of("port", "add", "name=a,socket=/tmp/a,offloads=csum,host_tso4").err());
    }

    @Test
    void choicesAreInLowerCase() {
        assertTrue(Run.of("run", "--poll", "lazy").err().contains("expected one of busy, adaptive but was 'lazy'"));
    }

    @Test
    void missingProcessorsAreRefusedWithTheirPlace() throws IOException {
        final String why = "cpus: processor 1023 does not exist or is not available to this process; available: ";
        final Run option = Run.of("run", "--cpus", "1023");
        assertEquals(2, option.status());
        assertTrue(option.err().startsWith("ringbridge: --" + why), option.err());
        final Path file = Files.writeString(dir.resolve("f.yaml"), "workers: 1\ncpus: 1023\n");
        final Run inFile = Run.of("run", "--config", file.toString());
        assertEquals(2, inFile.status());
        assertTrue(inFile.err().startsWith("ringbridge: " + file + ": line 2: " + why), inFile.err());
    }

    @Test
    void longApiPathsAreRefused() throws IOException {
        final String path = "/tmp/" + "x".repeat(103);
        final String why = "the path has 108 bytes; ";
        for (final Run run : List.of(Run.of("run", "--api", path), Run.of("show", "ports", "--api", path),
            Run.of("upgrade", "--api", path))) {
            assertEquals("ringbridge: api socket " + path + ": " + why + "1 to 107 are allowed for a Unix socket\n",
                run.err());
            assertEquals(2, run.status());
        }
        final Path file = Files.writeString(dir.resolve("f.yaml"), "api: {socket: " + path + "}\n");
        assertEquals("ringbridge: " + file + ": line 1: api.socket: " + why
            + "at most 107 are allowed for a Unix socket\n",
            Run.of("run", "--config", file.toString()).err());
    }

    @Test
    @Timeout(60)
    void capturesAreOnlyWrittenToRegularFiles() throws Exception {
        final Path fifo = dir.resolve("fifo");
        assertEquals(0, new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor());
        final Path device = Files.createSymbolicLink(dir.resolve("device"), Path.of("/dev/full"));
        for (final Path taken : List.of(fifo, device, dir)) {
            final Run run = Run.of("run", "--api", dir.resolve("api.sock").toString(), "--port",
                "name=w,type=pcap,write=" + taken);
            assertEquals(1, run.status());
            assertTrue(run.err().contains(taken + ": cannot be written: not a regular file; it is not replaced"),
                run.err());
        }
    }

    private static String ok(final String... args) {
        final Run run = Run.of(args);
        assertEquals("", run.err());
        assertEquals(0, run.status());
        return run.out();
    }
}
