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
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
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

    @Test
    void aConfigurationIsCheckedWithoutAStart() throws IOException {
        final Path file = dir.resolve("c.yaml");
        Files.writeString(file, "workers: 2\nports: [{name: a, socket: /nonexistent/a}]");
        assertEquals(new Run(0, "the configuration is valid: 1 port, 2 workers\n", ""),
            Run.of("run", "--config", file.toString(), "--check"));
        for (final String key : List.of("owner", "group")) {
            Files.writeString(file, "ports: [{name: a, socket: /nonexistent/a, " + key + ": no-such-account}]");
            final Run run = Run.of("run", "--config", file.toString(), "--check");
            assertEquals(2, run.status());
            assertTrue(run.err().contains("port a: socket /nonexistent/a: " + key + ": \"no-such-account\" is not a "
                + ("owner".equals(key) ? "user" : key) + " of this host"), run.err());
        }
        Files.writeString(file, "workers: 0");
        assertEquals(2, Run.of("run", "--config", file.toString(), "--check").status());
    }

    @ParameterizedTest
    @ValueSource(strings = {"--help", "reload --help", "port set --help", "run --help", "demo --help",
        "show --help", "trace --help", "port --help", "port add --help", "port remove --help",
        "port suspend --help", "port resume --help", "fdb --help", "fdb add --help", "fdb remove --help",
        "fdb flush --help",
        "events --help", "log --help", "log level --help",
        "capture --help", "upgrade --help", "attach --help", "qemu-args --help",
        "diagnose --help", "completion --help", "top --help",
        "--version", "show --version", "port add --version", "help", "help show"})
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
        "show", "show nothing", "show port", "show latency a b", "trace", "trace vm1 --json --write x", "port",
        "port set", "port set vm1", "reload now", "port suspend", "port add", "port add nonsense", "demo --seconds 2",
        "demo --seconds x",
        "fdb", "fdb add", "fdb add 52:54:00:00:00:01", "fdb add 52:54:00:00:00:01 vm1 --vlan x", "fdb remove",
        "fdb flush vm1 vm2",
        "run --log-format xml", "events a b", "log", "log level loud", "log level default", "log level info a b",
        "upgrade --binary", "upgrade now", "upgrade --timeout x", "qemu-args vm1 --config /nonexistent",
        "attach vm1 --accel xen", "attach vm1 --for xen", "attach vm1 --memory much", "attach",
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
                "in_frames", "in_bytes", "out_frames", "out_bytes", "drops", "rates"),
                ports.get(0).properties().stream().map(java.util.Map.Entry::getKey).toList());
            assertTrue(ok("show", "ports", "--api", api).lines().toList().get(1)
                .startsWith("a     waiting  1500 "));
            assertTrue(ports.get(0).get("why").asText().startsWith("no front-end has connected to " + a + ": "));
            assertTrue(ok("show", "ports", "--api", api).replaceAll("\\s+", " ")
                .contains(" a: waiting since " + ports.get(0).get("since").asText()
                + "; no front-end has connected to " + a + ": "));
            assertTrue(ok("show", "queues", "--api", api).contains("queues not started: 4"));
            assertEquals(1, ok("show", "fdb", "--api", api).lines().count());
            assertEquals(2, ok("show", "workers", "--api", api).lines().count());
            assertTrue(ok("show", "latency", "--api", api).lines().toList().get(1).matches("a +0( +-){6} +2.*Z"));
            assertEquals(1024, new ObjectMapper().readTree(ok("show", "latency", "a", "--json", "--api", api))
                .get("sample").asInt());
            assertEquals("ringbridge: no port is named \"c\"; there are: a\n",
                Run.of("show", "latency", "c", "--api", api).err());

            ok("port", "add",
                "name=b,socket=" + b + ",mode=server,permissions=0600,suspend-messages=false,suspend-feature-bit=42"
                + ",mac=52:54:00:00:00:0a,inband=true,device-state=true,postcopy=true,iommu=true,cross-endian=true"
                + ",memory=any,disabled=hold,vlan=10,trunk=20+30-39,group-forward=lldp+0d",
                "--api", api);
            assertTrue(Files.exists(b));
            final JsonNode tagged = new ObjectMapper().readTree(ok("show", "ports", "--json", "--api", api)).get(1);
            assertEquals("10 [\"20\",\"30-39\"]", tagged.get("vlan") + " " + tagged.get("trunk"));
            assertEquals(List.of("VLAN", "-", "trunk 20.."), ok("show", "ports", "--api", api).lines()
                .limit(3).map(line -> line.split(" {2,}", -1)[3].strip()).toList());
            assertTrue(ok("show", "port", "b", "--api", api).contains("\nvlan        trunk 20,30-39 native 10\n"));
            for (int i = 0; i < 2; i++) {
                assertEquals("", ok("port", "suspend", "b", "--api", api));
                assertEquals("suspended", state(api, 1));
                assertEquals("waiting", state(api, 0));
            }
            assertTrue(ok("show", "interruptions", "--api", api).lines().toList().get(1)
                .matches("b +suspended-by-operator +2.*Z +[\\d.]+ (us|ms|s) so far"));
            for (int i = 0; i < 2; i++) {
                assertEquals("", ok("port", "resume", "b", "--api", api));
                assertEquals("waiting", state(api, 1));
            }
            assertTrue(ok("show", "interruptions", "b", "--api", api).lines().toList().get(1)
                .matches("b +suspended-by-operator +2.*Z +[\\d.]+ (us|ms|s)"));
            assertEquals(1, ok("show", "interruptions", "a", "--api", api).lines().count(), "the heading");
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

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
        show prots                | "prots" is not ports, port, queues, fdb, workers, latency, interruptions, \
        captures, mirrors or config ("ports"?); \
        see ringbridge show --help
        show port                 | missing name: show port NAME; see ringbridge show --help
        show ports vm1            | "show ports" takes no name; "show port vm1" shows one port; \
        see ringbridge show --help
        show fdb --bytes          | --bytes is for ports, port, queues, workers, mirrors; see ringbridge show --help
        show ports --watch 0      | --watch 0 is out of range; 1 to 3600 is allowed; see ringbridge show --help
        top --interval 0          | --interval 0 is out of range; 1 to 3600 is allowed; see ringbridge top --help
        top                       | top needs a terminal; "show ports --watch" prints to files and pipes
        show ports --jsn          | Unknown option: '--jsn' ("--json"?); see ringbridge show --help
        diagnose                  | Missing required parameter: 'PORT'; see ringbridge diagnose --help
        completion fish           | Invalid value for positional parameter at index 0 (SHELL): expected one of bash, \
        zsh but was 'fish'; see ringbridge completion --help
        runn                      | Unmatched argument at index 0: 'runn' ("run"?); see ringbridge --help
        port ad                   | Unmatched argument at index 1: 'ad' ("add"?); see ringbridge port --help
        run --wokers 2            | Unknown options: '--wokers', '2' ("--workers"?); see ringbridge run --help
        run --workers 65          | --workers: 65 is out of range; 1 to 64 is allowed
        demo --seconds 1          | --seconds 1 is out of range; 3 to 3600 is allowed; see ringbridge demo --help
        upgrade --timeout 0       | --timeout 0 is out of range; 1 to 3600 is allowed; see ringbridge upgrade --help
        port add name=a,type=tpa  | port add: type: "tpa" is not vhost-user, tap, pcap or backend ("tap"?)
        port add name=a,mtu=10    | port add: mtu: 10 is out of range; 68 to 65535 is allowed
        """)
    void errorsNameTheAllowedValues(final String args, final String message) {
        assertEquals("ringbridge: " + message + "\n", Run.of(args.split(" ", -1)).err());
    }

    @Test
    void aWrongTypeInAPortOfAListBlamesNoOtherKey() {
        final String port = "name=a,type=tpa,device=tap0";
        assertEquals("ringbridge: --port " + port
            + ": type: \"tpa\" is not vhost-user, tap, pcap or backend (\"tap\"?)\n",
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
