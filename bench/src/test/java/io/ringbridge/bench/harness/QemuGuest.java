package io.ringbridge.bench.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.peer.Program;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A virtual machine with its monitor and its console. It usually has one vhost-user network device. */
public final class QemuGuest implements AutoCloseable {
    /** The name of the program. */
    public static final String PROGRAM = "qemu-system-x86_64";

    /** The size of a guest's memory, in the notation of QEMU's options. */
    public static final String MEMORY = "192M";

    private static final Duration BOOT_LIMIT = Duration.ofSeconds(90);
    private static final long PRECOPY_BANDWIDTH = 4 << 20;
    private static final long POSTCOPY_BANDWIDTH = 2 << 20;
    private static final Duration MIGRATION_LIMIT = Duration.ofSeconds(60);
    private static final List<String> MIGRATION_ENDS = List.of("completed", "failed", "cancelled");
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration VERSION_LIMIT = Duration.ofSeconds(10);
    private static final Pattern VERSION = Pattern.compile("version (\\d+)\\.");
    private static final int RECONNECT_IN_MILLISECONDS_SINCE = 10;

    private final Program program;
    private final Qmp qmp;
    private final SerialConsole console;

    private QemuGuest(final Program program, final Qmp qmp, final SerialConsole console) {
        this.program = program;
        this.qmp = qmp;
        this.console = console;
    }

    /**
     * The properties in which guests differ.
     *
     * @param name    the name of the guest and of its files
     * @param mac     the MAC address of its network device
     * @param address the IP address of its network device, without the prefix length, which is 24
     * @param socket  the socket of its port, on which the switch listens; null for a guest without a port
     * @param pairs   queue pairs
     * @param device  further options of its virtio-net device, each with a leading comma
     * @param devices further options of QEMU, which precede that device
     * @param kernel  further kernel parameters
     */
    public record Spec(String name, String mac, String address, @Nullable Path socket, int pairs, String device,
        List<String> devices, String kernel) {
        /** A guest without further devices. */
        public Spec(final String name, final String mac, final String address, final Path socket, final int pairs,
            final String device) {
            this(name, mac, address, socket, pairs, device, List.of(), "");
        }

        /** A guest without further devices, with one queue pair. */
        public Spec(final String name, final String mac, final String address, final Path socket, final String device) {
            this(name, mac, address, socket, 1, device);
        }

        /** Returns a guest without a port. The options define its network devices, and may define its memory. */
        public static Spec withoutPort(final String name, final String address, final List<String> devices) {
            return new Spec(name, "", address, null, 1, "", devices, "");
        }

        /** Returns this guest behind an IOMMU, which its kernel uses for every buffer. */
        public Spec behindIommu() {
            return new Spec(name, mac, address, socket, pairs, device + ",iommu_platform=on,ats=on",
                List.of("-device", "intel-iommu,intremap=off,device-iotlb=on"),
                "intel_iommu=on iommu.passthrough=0 iommu.strict=1");
        }
    }

    /** Starts a guest with its sockets in the directory, and waits until the console accepts commands. */
    public static QemuGuest boot(final Spec spec, final GuestImage image, final Path directory) {
        final QemuGuest guest = start(spec, image, directory);
        guest.awaitBoot();
        return guest;
    }

    /** Starts a guest and lets it boot. The console accepts commands after {@link #awaitBoot}. */
    public static QemuGuest start(final Spec spec, final GuestImage image, final Path directory) {
        // It starts paused, so that the console prints nothing before the harness is connected.
        return start(spec, image, directory, List.of("-S"), guest -> guest.qmp.execute("cont"));
    }

    /** Waits until the console accepts commands after a start or a reset. Ends the guest if that takes too long. */
    public void awaitBoot() {
        try {
            console.awaitBoot(BOOT_LIMIT);
        } catch (final BenchException e) {
            throw closeAfter(program, e);
        }
    }

    /**
     * Starts the destination of a migration, and returns when the destination waits for the source.
     *
     * @param stream the socket to which the source sends the guest
     */
    public static QemuGuest receive(final Spec spec, final GuestImage image, final Path directory, final Path stream) {
        return start(spec, image, directory, List.of("-incoming", "unix:" + stream), _ -> { });
    }

    private static QemuGuest start(final Spec spec, final GuestImage image, final Path directory,
        final List<String> how, final Consumer<QemuGuest> started) {
        final Path monitor = directory.resolve(spec.name() + ".qmp");
        final Path serial = directory.resolve(spec.name() + ".tty");
        try {
            Files.deleteIfExists(monitor);
            Files.deleteIfExists(serial);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        final List<String> command = command(spec, image, monitor, serial);
        command.addAll(how);
        final Program program = Program.start(spec.name(), command);
        try {
            final SerialConsole console = new SerialConsole(spec.name(), serial);
            final QemuGuest guest = new QemuGuest(program, new Qmp(spec.name(), monitor), console);
            started.accept(guest);
            return guest;
        } catch (final BenchException e) {
            throw closeAfter(program, e);
        }
    }

    private static BenchException closeAfter(final Program program, final BenchException cause) {
        program.close();
        return new BenchException(cause.getMessage() + "; output of QEMU:\n" + program.output().tail(), cause);
    }

    /**
     * Migrates the running guest, and waits until the destination runs.
     *
     * @return QEMU's answer to {@code query-migrate}, with {@code total-time} and {@code downtime} in milliseconds
     */
    public JsonNode migrate(final Path stream) {
        qmp.execute("migrate", JSON.createObjectNode().put("uri", "unix:" + stream));
        return awaitMigrated();
    }

    /**
     * Starts a postcopy migration, and waits until the guest runs at its destination without all of its memory. Until
     * {@link #endPostcopy}, a low bandwidth limits the transfer mostly to pages that the destination requests.
     */
    public void startPostcopy(final Path stream, final QemuGuest destination) {
        for (final QemuGuest each : List.of(destination, this)) {
            final ObjectNode capabilities = JSON.createObjectNode();
            capabilities.putArray("capabilities").addObject().put("capability", "postcopy-ram").put("state", true);
            each.qmp.execute("migrate-set-capabilities", capabilities);
        }
        qmp.execute("migrate-set-parameters", JSON.createObjectNode().put("max-bandwidth", PRECOPY_BANDWIDTH)
            .put("max-postcopy-bandwidth", POSTCOPY_BANDWIDTH));
        qmp.execute("migrate", JSON.createObjectNode().put("uri", "unix:" + stream));
        Await.until("the start of the migration", MIGRATION_LIMIT,
            () -> qmp.execute("query-migrate").path("ram").path("transferred").asLong() > PRECOPY_BANDWIDTH / 4);
        qmp.execute("migrate-start-postcopy");
        Await.until("the guest to run at its destination before all of its memory has arrived", MIGRATION_LIMIT, () -> {
            final String status = qmp.execute("query-migrate").path("status").asText();
            if (MIGRATION_ENDS.contains(status)) {
                throw new BenchException("the migration ended with status " + status + " before postcopy started");
            }
            return status.equals("postcopy-active");
        });
    }

    /**
     * Removes the bandwidth limit of a postcopy migration, and waits until the migration ends.
     *
     * @return QEMU's answer to {@code query-migrate}
     */
    public JsonNode endPostcopy() {
        qmp.execute("migrate-set-parameters", JSON.createObjectNode().put("max-postcopy-bandwidth", 0)); // no limit
        return awaitMigrated();
    }

    private JsonNode awaitMigrated() {
        final JsonNode[] answer = new JsonNode[1];
        Await.until("the migration to end", MIGRATION_LIMIT, () -> {
            answer[0] = qmp.execute("query-migrate");
            return MIGRATION_ENDS.contains(answer[0].path("status").asText());
        });
        if (!answer[0].path("status").asText().equals(MIGRATION_ENDS.getFirst())) {
            throw new BenchException("the migration failed: " + answer[0]);
        }
        // QEMU reports the end of a migration before its duration.
        Await.until("the duration of the migration", MIGRATION_LIMIT, () -> {
            answer[0] = qmp.execute("query-migrate");
            return answer[0].path("total-time").asInt() > 0;
        });
        return answer[0];
    }

    private static List<String> command(final Spec spec, final GuestImage image, final Path monitor,
        final Path serial) {
        final List<String> command = new ArrayList<>(List.of(PROGRAM, "-nodefaults", "-no-user-config",
            "-display", "none",
            // Some machines that offer KVM cannot run a guest kernel with it. Emulation is sufficient for correctness.
            "-accel", "tcg", "-cpu", "qemu64,+rdrand", "-machine", "q35", "-smp", "1", "-m", MEMORY));
        if (!spec.devices().contains("-numa")) { // the options do not define the memory
            command.addAll(List.of("-object", "memory-backend-memfd,id=mem,size=" + MEMORY + ",share=on",
                "-numa", "node,memdev=mem"));
        }
        command.addAll(spec.devices());
        if (spec.socket() != null) {
            command.addAll(List.of("-chardev", "socket,id=port,path=" + spec.socket() + "," + reconnectOption(),
                "-netdev", "vhost-user,id=net0,chardev=port,queues=" + spec.pairs(),
                // vectors=0: QEMU 7.2 without KVM crashes when a vhost-user device uses MSI-X.
                "-device", "virtio-net-pci,netdev=net0,vectors=0,disable-legacy=on,romfile=,mac=" + spec.mac()
                    + spec.device()));
        }
        command.addAll(List.of("-qmp", "unix:" + monitor + ",server=on,wait=off",
            "-chardev", "socket,id=console,path=" + serial + ",server=on,wait=off", "-serial", "chardev:console",
            "-kernel", image.kernel().image().toString(), "-initrd", image.initramfs().toString(),
            "-append", "console=ttyS0 quiet ipv6.disable=1 panic=-1 guest.address=" + spec.address() + "/24 "
            + spec.kernel()));
        return command;
    }

    private static String reconnectOption() {
        final MatchResult version = Program.start(PROGRAM, List.of(PROGRAM, "--version"))
            .awaitLine(VERSION, VERSION_LIMIT);
        return Integer.parseInt(version.group(1)) < RECONNECT_IN_MILLISECONDS_SINCE ? "reconnect=1"
            : "reconnect-ms=1000";
    }

    public Qmp qmp() {
        return qmp;
    }

    public SerialConsole console() {
        return console;
    }

    public boolean isAlive() {
        return program.isAlive();
    }

    /**
     * Waits until the guest gets a ping reply from an address. A restarted switch must learn first, and frames are
     * lost meanwhile.
     */
    public void awaitPing(final String address) {
        console.check("i=0; until ping -c 1 -W 1 " + address
            + " >/tmp/reach; do i=$((i+1)); [ $i -lt 15 ] || exit 1; done", BOOT_LIMIT);
    }

    /** Returns the sockets that QEMU has open. A connection that was lost and re-established has a new socket. */
    public Set<String> sockets() {
        final Set<String> sockets = new TreeSet<>();
        try (Stream<Path> descriptors = Files.list(Path.of("/proc", Long.toString(program.pid()), "fd"))) {
            for (final Path descriptor : descriptors.toList()) {
                final String target = Files.readSymbolicLink(descriptor).toString();
                if (target.startsWith("socket:")) {
                    sockets.add(target);
                }
            }
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        return sockets;
    }

    /** Sends SIGKILL to QEMU. */
    public void kill() {
        program.kill();
        disconnect();
    }

    private void disconnect() {
        qmp.close();
        console.close();
    }

    @Override
    public void close() {
        program.close();
        disconnect();
    }
}
