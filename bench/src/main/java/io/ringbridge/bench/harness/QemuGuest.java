package io.ringbridge.bench.harness;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
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

/** A virtual machine with one vhost-user network device, or with others, its monitor and its console. */
public final class QemuGuest implements AutoCloseable {
    /** The name of the program. */
    public static final String PROGRAM = "qemu-system-x86_64";

    /** The size of a guest's memory, as QEMU's options have it. */
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
     * What tells a guest from another.
     *
     * @param name    used for its files
     * @param mac     of its network device
     * @param address of its network device, without the prefix length, which is 24
     * @param socket  of its port, which the switch listens on; null for a guest without one
     * @param pairs   queue pairs
     * @param device  further options of its virtio-net device, each with a comma before it
     * @param devices further options of QEMU's, which come before that device
     * @param kernel  further parameters of the kernel
     */
    public record Spec(String name, String mac, String address, Path socket, int pairs, String device, List<String> devices,
                       String kernel) {
        /** One with nothing but the network device. */
        public Spec(final String name, final String mac, final String address, final Path socket, final int pairs, final String device) {
            this(name, mac, address, socket, pairs, device, List.of(), "");
        }

        /** One with nothing but the network device, and that of one queue pair. */
        public Spec(final String name, final String mac, final String address, final Path socket, final String device) {
            this(name, mac, address, socket, 1, device);
        }

        /** One with no other network devices than those of these options, and with their memory if they have any. */
        public static Spec without(final String name, final String address, final List<String> devices) {
            return new Spec(name, "", address, null, 1, "", devices, "");
        }

        /** The same behind an IOMMU, which its kernel uses for every buffer. */
        public Spec behindIommu() {
            return new Spec(name, mac, address, socket, pairs, device + ",iommu_platform=on,ats=on",
                List.of("-device", "intel-iommu,intremap=off,device-iotlb=on"), "intel_iommu=on iommu.passthrough=0 iommu.strict=1");
        }
    }

    /** Starts a guest and returns when it takes commands; its own sockets go into the directory. */
    public static QemuGuest boot(final Spec spec, final GuestImage image, final Path directory) {
        final QemuGuest guest = start(spec, image, directory);
        guest.awaitBoot();
        return guest;
    }

    /** Starts a guest, which boots while its caller does something else, until {@link #awaitBoot}. */
    public static QemuGuest start(final Spec spec, final GuestImage image, final Path directory) {
        // It starts paused, so that nothing is said on the console before there is somebody to listen.
        return start(spec, image, directory, List.of("-S"), guest -> guest.qmp.execute("cont"));
    }

    /** Returns when the guest, which was started or reset, takes commands; ends it where it does not come to that. */
    public void awaitBoot() {
        try {
            console.awaitBoot(BOOT_LIMIT);
        } catch (final HarnessException e) {
            throw ended(program, e);
        }
    }

    /**
     * Starts the destination of a migration, and returns when it waits for the source.
     *
     * @param stream the socket that the source sends the guest to
     */
    public static QemuGuest receive(final Spec spec, final GuestImage image, final Path directory, final Path stream) {
        return start(spec, image, directory, List.of("-incoming", "unix:" + stream), _ -> { });
    }

    private static QemuGuest start(final Spec spec, final GuestImage image, final Path directory, final List<String> how,
                                   final Consumer<QemuGuest> begin) {
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
            begin.accept(guest);
            return guest;
        } catch (final HarnessException e) {
            throw ended(program, e);
        }
    }

    private static HarnessException ended(final Program program, final HarnessException cause) {
        program.close();
        return new HarnessException(cause.getMessage() + "; QEMU said:\n" + program.output().tail(), cause);
    }

    /**
     * Sends the running guest to its destination, waits until that runs, and says what QEMU tells of it.
     *
     * @return QEMU's {@code query-migrate}, with {@code total-time} and {@code downtime} in milliseconds
     */
    public JsonNode migrate(final Path stream) {
        qmp.execute("migrate", JSON.createObjectNode().put("uri", "unix:" + stream));
        return awaitMigrated();
    }

    /**
     * Begins to send the running guest to its destination, and lets it run there before its memory has come; returns when it does. Until
     * {@link #endPostcopy} little comes but what it misses.
     */
    public void beginPostcopy(final Path stream, final QemuGuest destination) {
        for (final QemuGuest each : List.of(destination, this)) {
            final ObjectNode capabilities = JSON.createObjectNode();
            capabilities.putArray("capabilities").addObject().put("capability", "postcopy-ram").put("state", true);
            each.qmp.execute("migrate-set-capabilities", capabilities);
        }
        qmp.execute("migrate-set-parameters", JSON.createObjectNode().put("max-bandwidth", PRECOPY_BANDWIDTH)
            .put("max-postcopy-bandwidth", POSTCOPY_BANDWIDTH));
        qmp.execute("migrate", JSON.createObjectNode().put("uri", "unix:" + stream));
        Await.until("the migration to be under way", MIGRATION_LIMIT,
            () -> qmp.execute("query-migrate").path("ram").path("transferred").asLong() > PRECOPY_BANDWIDTH / 4);
        qmp.execute("migrate-start-postcopy");
        Await.until("the guest to run before its memory has come", MIGRATION_LIMIT, () -> {
            final String status = qmp.execute("query-migrate").path("status").asText();
            if (MIGRATION_ENDS.contains(status)) {
                throw new HarnessException("the migration has " + status + " before it was to go on by postcopy");
            }
            return status.equals("postcopy-active");
        });
    }

    /** Lets the rest of the guest's memory come, and says what QEMU tells of the migration. */
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
            throw new HarnessException("the migration " + answer[0]);
        }
        Await.until("QEMU to say how long it took", MIGRATION_LIMIT, () -> { // it says that it has ended first
            answer[0] = qmp.execute("query-migrate");
            return answer[0].path("total-time").asInt() > 0;
        });
        return answer[0];
    }

    private static List<String> command(final Spec spec, final GuestImage image, final Path monitor, final Path serial) {
        final List<String> command = new ArrayList<>(List.of(PROGRAM, "-nodefaults", "-no-user-config", "-display", "none",
            // Some machines that offer KVM cannot run a guest kernel with it; emulation is good enough to be correct.
            "-accel", "tcg", "-cpu", "qemu64,+rdrand", "-machine", "q35", "-smp", "1", "-m", MEMORY));
        if (!spec.devices().contains("-numa")) { // which comes with the memory
            command.addAll(List.of("-object", "memory-backend-memfd,id=mem,size=" + MEMORY + ",share=on",
                "-numa", "node,memdev=mem"));
        }
        command.addAll(spec.devices());
        if (spec.socket() != null) {
            command.addAll(List.of("-chardev", "socket,id=port,path=" + spec.socket() + "," + reconnectOption(),
                "-netdev", "vhost-user,id=net0,chardev=port,queues=" + spec.pairs(),
                // vectors=0: QEMU 7.2 without KVM crashes when a vhost-user device uses MSI-X.
                "-device", "virtio-net-pci,netdev=net0,vectors=0,disable-legacy=on,romfile=,mac=" + spec.mac() + spec.device()));
        }
        command.addAll(List.of("-qmp", "unix:" + monitor + ",server=on,wait=off",
            "-chardev", "socket,id=console,path=" + serial + ",server=on,wait=off", "-serial", "chardev:console",
            "-kernel", image.kernel().image().toString(), "-initrd", image.initramfs().toString(),
            "-append", "console=ttyS0 quiet ipv6.disable=1 panic=-1 guest.address=" + spec.address() + "/24 " + spec.kernel()));
        return command;
    }

    private static String reconnectOption() {
        final MatchResult version = Program.start(PROGRAM, List.of(PROGRAM, "--version")).awaitLine(VERSION, VERSION_LIMIT);
        return Integer.parseInt(version.group(1)) < RECONNECT_IN_MILLISECONDS_SINCE ? "reconnect=1" : "reconnect-ms=1000";
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

    /** Waits until the guest gets an answer from an address: who was away has forgotten what it knew, and frames are lost meanwhile. */
    public void awaitAnswerOf(final String address) {
        console.check("i=0; until ping -c 1 -W 1 " + address + " >/tmp/reach; do i=$((i+1)); [ $i -lt 15 ] || exit 1; done", BOOT_LIMIT);
    }

    /** The sockets that QEMU has open. A connection that was lost and made again is another socket. */
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

    /** SIGKILL. */
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
