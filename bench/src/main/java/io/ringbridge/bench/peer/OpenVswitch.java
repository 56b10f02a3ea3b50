package io.ringbridge.bench.peer;

import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.machine.Machine;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Open vSwitch with DPDK: one learning bridge, whose ports connect to front-ends' sockets. It does not affect other
 * instances on this machine.
 */
public final class OpenVswitch implements AutoCloseable {
    private static final Path DAEMON = Path.of("/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk");
    private static final Path SCHEMA = Path.of("/usr/share/openvswitch/vswitch.ovsschema");
    private static final int ETHERNET_HEADER = 14;
    private static final Duration LIMIT = Duration.ofMinutes(1);

    private final Path directory;
    private final Map<String, String> environment;
    private final List<Program> daemons = new ArrayList<>();

    private OpenVswitch(final Path directory) {
        this.directory = directory;
        final String path = directory.toString();
        this.environment = Map.of("OVS_RUNDIR", path, "OVS_LOGDIR", path, "OVS_DBDIR", path);
    }

    /** Returns the programs and files that Open vSwitch needs and this machine lacks. */
    public static List<String> missing() {
        final List<String> missing = new ArrayList<>(Stream.of("ovsdb-tool", "ovsdb-server", "ovs-vsctl", "unshare")
            .filter(name -> Program.find(name).isEmpty()).toList());
        Stream.of(DAEMON, SCHEMA).filter(file -> !Files.exists(file)).map(Path::toString).forEach(missing::add);
        return missing;
    }

    /**
     * Starts Open vSwitch.
     *
     * @param mainCpu   the processor of all other threads
     * @param workerCpu the processor of the forwarding thread
     * @param hugepages whether to use huge pages
     * @param sockets   the sockets of the front-ends, one per port
     * @param large     whether guests may send large packets for segmentation
     */
    public static OpenVswitch start(final int mainCpu, final int workerCpu, final boolean hugepages,
        final List<Path> sockets, final boolean large) {
        final OpenVswitch ovs = new OpenVswitch(Machine.temporaryDirectory(0));
        try {
            ovs.startDaemons(mainCpu, workerCpu, hugepages, large);
            ovs.control("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev");
            for (int i = 0; i < sockets.size(); i++) {
                ovs.addPort("port" + i, "type=dpdkvhostuserclient", "options:vhost-server-path=" + sockets.get(i));
            }
            return ovs;
        } catch (final BenchException e) {
            ovs.close();
            throw e;
        }
    }

    /** Adds a port with an interface that has these columns in the database. */
    public void addPort(final String name, final String... columns) {
        final List<String> arguments = new ArrayList<>(List.of("add-port", "br0", name, "--", "set", "Interface",
            name));
        arguments.addAll(List.of(columns));
        control(arguments.toArray(String[]::new));
    }

    /** Lets the first ports, which {@link #start} has added, carry frames of that many bytes. */
    public void allowLongFrames(final int ports, final int bytes) {
        for (int i = 0; i < ports; i++) {
            control("set", "Interface", "port" + i, "mtu_request=" + (bytes - ETHERNET_HEADER));
        }
    }

    /** Adds a port that listens on {@link #socket}. */
    public void addListeningPort(final String name) {
        addPort(name, "type=dpdkvhostuser");
    }

    /** Returns the socket of a listening port. */
    public Path socket(final String port) {
        return directory.resolve(port);
    }

    /** Returns the process ID of the forwarding daemon. */
    public long pid() {
        return daemons.getLast().pid();
    }

    private void startDaemons(final int mainCpu, final int workerCpu, final boolean hugepages, final boolean large) {
        Program.run(LIMIT, environment, "ovsdb-tool", "create", file("conf.db"), SCHEMA.toString());
        daemons.add(Program.start("ovsdb-server", List.of("ovsdb-server", file("conf.db"), "--remote=p" + database(),
            "--pidfile=" + file("db.pid"), "--log-file=" + file("db.log")), environment));
        Await.until("the database of Open vSwitch", LIMIT, () -> Files.exists(directory.resolve("db.sock")));
        control("--no-wait", "init");
        final List<String> options = new ArrayList<>(List.of("--no-wait", "set", "Open_vSwitch", ".",
            "other_config:dpdk-init=true",
            "other_config:pmd-cpu-mask=" + mask(workerCpu), "other_config:dpdk-lcore-mask=" + mask(mainCpu)));
        if (large) {
            options.add("other_config:userspace-tso-enable=true");
        }
        if (hugepages) {
            options.add("other_config:dpdk-socket-mem=512");
            options.add("other_config:dpdk-extra=--no-pci --in-memory --file-prefix=ovs");
        } else {
            options.add("other_config:dpdk-extra=--no-pci --legacy-mem --no-huge -m 2048 --file-prefix=ovs");
        }
        control(options.toArray(String[]::new));
        // The daemon creates devices with fixed names, so it runs in its own network namespace.
        daemons.add(Program.start("ovs-vswitchd", List.of("unshare", "-n", DAEMON.toString(), database(),
            "--pidfile=" + file("vs.pid"), "--unixctl=" + file("vs.ctl"), "--log-file=" + file("vs.log")),
            environment));
    }

    private void control(final String... arguments) {
        final List<String> command = new ArrayList<>(List.of("ovs-vsctl", "--db=" + database(),
            "--timeout=" + LIMIT.toSeconds()));
        command.addAll(List.of(arguments));
        Program.run(LIMIT, environment, command.toArray(String[]::new));
    }

    private String database() {
        return "unix:" + file("db.sock");
    }

    private String file(final String name) {
        return directory.resolve(name).toString();
    }

    private static String mask(final int cpu) {
        return "0x" + Long.toHexString(1L << cpu);
    }

    @Override
    public void close() {
        daemons.reversed().forEach(Program::close);
        Machine.delete(directory);
    }
}
