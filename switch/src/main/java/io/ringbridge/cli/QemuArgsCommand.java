package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.api.ConfigView;
import io.ringbridge.api.Json;
import io.ringbridge.config.ConfigException;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortKind;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

/** Prints the QEMU options that attach a virtual machine to a port. */
@Command(name = "qemu-args", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Prints the QEMU options that attach a virtual machine to a port, one per line.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  qemu-system-x86_64 -M q35,accel=kvm -m 2G \\",
        "    $(ringbridge qemu-args vm1 --memory 2G --accel kvm) disk.qcow2",
        "  ringbridge qemu-args vm1 --config switch.yaml",
        "      needs no running switch",
        "",
        "The Ethernet address is the port's mac. Without mac, it is derived from the port's name and the machine ID "
            + "of this host; it starts with 02 and is the same each time. "
            + "For QEMU 7 without KVM, the options include vectors=0, because that version crashes otherwise."})
final class QemuArgsCommand implements Callable<Integer> {
    /** The accelerators of QEMU. */
    enum Accel { KVM, TCG }

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Parameters(paramLabel = "PORT", description = "Name of the port.")
    private String port;

    @Option(names = "--config", paramLabel = "FILE",
        description = "Read this configuration file instead of asking a running switch.")
    private @Nullable Path config;

    @Option(names = "--memory", paramLabel = "SIZE", defaultValue = "1G",
        description = "Memory of the virtual machine, equal to its -m; ${DEFAULT-VALUE} if not given.")
    private String memory;

    @Option(names = "--accel", paramLabel = "kvm|tcg", defaultValue = "TCG",
        description = "Accelerator of the virtual machine; tcg if not given, as in QEMU.")
    private Accel accel;

    @Option(names = "--qemu-version", paramLabel = "X.Y",
        description = "Version of QEMU (9.2 and later require reconnect-ms instead of reconnect); the version of the "
            + "installed qemu-system-x86_64 if not given, or 7.2 if none is installed.")
    private @Nullable String qemuVersion;

    @Mixin
    private ApiOption api;

    @Override
    public Integer call() {
        final PrintWriter out = spec.commandLine().getOut();
        arguments(find()).forEach(out::println);
        out.flush();
        return CommandLine.ExitCode.OK;
    }

    /** The properties of a port that affect QEMU's options. A key that the port does not have is empty or 0. */
    private record Target(String name, String type, String socket, String mode, int queues, int mtu, boolean iommu,
        String mac) {
        static Target of(final Map<String, Object> keys) {
            return new Target(text(keys.get("name")), text(keys.get("type")), text(keys.get("socket")),
                text(keys.get("mode")), number(keys.get("queues")), number(keys.get("mtu")),
                Boolean.TRUE.equals(keys.get("iommu")), text(keys.get("mac")));
        }

        private static String text(final @Nullable Object value) {
            return value instanceof final String text ? text : "";
        }

        private static int number(final @Nullable Object value) {
            return value instanceof final Integer number ? number : 0;
        }
    }

    private Target find() {
        final List<Target> ports = (config == null ? running() : configured(config)).stream().map(Target::of).toList();
        final String names = ports.stream().map(Target::name).collect(Collectors.joining(", "));
        return ports.stream().filter(p -> p.name().equals(port)).findFirst()
            .orElseThrow(() -> new ConfigException("no port is named \"" + port + "\"; there are: " + names));
    }

    private List<Map<String, Object>> configured(final Path file) {
        return ConfigReader.read(file).ports().stream().map(PortConfig::shown).toList();
    }

    private List<Map<String, Object>> running() {
        try (ApiClient client = api.client()) {
            return Json.read(client.get("/v1/config"), ConfigView.class).ports();
        }
    }

    private List<String> arguments(final Target found) {
        final String name = found.name();
        if (!PortKind.VHOST_USER.word().equals(found.type())) {
            throw new ConfigException("port " + name + " is of type " + found.type()
                + "; QEMU attaches to ports of type " + PortKind.VHOST_USER.word());
        }
        final QemuVersion version = version();
        final String link = switch (found.mode()) {
            case "server" -> version.reconnect();
            case "client" -> ",server=on,wait=off";
            default -> throw new ConfigException(
                "port " + name + " has inherited a connected socket; QEMU cannot connect to it");
        };
        final List<String> arguments = new ArrayList<>(List.of(
            "-object memory-backend-memfd,id=mem-ringbridge,size=" + memory + ",share=on",
            "-numa node,memdev=mem-ringbridge",
            "-chardev socket,id=chr-" + name + ",path=" + absolute(found.socket()) + link,
            "-netdev vhost-user,id=net-" + name + ",chardev=chr-" + name + ",queues=" + found.queues()));
        final boolean translated = found.iommu();
        if (translated) {
            // The IOMMU needs machine q35, and has to precede the devices behind it.
            arguments.add("-device intel-iommu,intremap=off,device-iotlb=on");
        }
        arguments.add("-device virtio-net-pci,netdev=net-" + name + ",mac="
            + (found.mac().isEmpty() ? GuestMac.of(name) : found.mac())
            + (found.queues() > 1 ? ",mq=on" : "") + vectors(found.queues(), version) + ",host_mtu=" + found.mtu()
            + (translated ? ",disable-legacy=on,iommu_platform=on,ats=on" : ""));
        return arguments;
    }

    private String vectors(final int queues, final QemuVersion version) {
        if (accel == Accel.TCG && version.crashesWithVectors()) {
            return ",vectors=0";
        }
        return queues > 1 ? ",vectors=" + (2 * queues + 2) : "";
    }

    private QemuVersion version() {
        if (qemuVersion == null) {
            return QemuVersion.installed();
        }
        return QemuVersion.parse(qemuVersion).orElseThrow(() -> new CommandLine.ParameterException(spec.commandLine(),
            "--qemu-version " + qemuVersion + " is not a version such as 7.2"));
    }

    /** Returns an absolute path, because QEMU may run in another directory, with commas doubled as QEMU requires. */
    private static String absolute(final String socket) {
        return Path.of(socket).toAbsolutePath().normalize().toString().replace(",", ",,");
    }
}
