package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.api.ConfigView;
import io.ringbridge.api.Json;
import io.ringbridge.config.ConfigException;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.PortConfig;
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

/** What to start QEMU with. */
@Command(name = "qemu-args", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Prints the QEMU options that attach a virtual machine to a port, one a line.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  qemu-system-x86_64 -M q35,accel=kvm -m 2G $(ringbridge qemu-args vm1 --memory 2G) disk.qcow2",
        "  ringbridge qemu-args vm1 --config switch.yaml         without a switch that runs"})
final class QemuArgsCommand implements Callable<Integer> {
    private static final double RECONNECT_MS_SINCE = 9.2;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Parameters(paramLabel = "PORT", description = "The port's name.")
    private String port;

    @Option(names = "--config", paramLabel = "FILE", description = "Look in this configuration, not in a running switch.")
    private Path config;

    @Option(names = "--memory", paramLabel = "SIZE", defaultValue = "1G",
        description = "The virtual machine's memory, the same as its -m; ${DEFAULT-VALUE} if not given.")
    private String memory;

    @Option(names = "--qemu-version", paramLabel = "X.Y", defaultValue = "7.2",
        description = "From 9.2 on QEMU wants reconnect-ms in place of reconnect; ${DEFAULT-VALUE} if not given.")
    private String qemuVersion;

    @Mixin
    private ApiOption api;

    @Override
    public Integer call() {
        final PrintWriter out = spec.commandLine().getOut();
        arguments(find()).forEach(out::println);
        out.flush();
        return CommandLine.ExitCode.OK;
    }

    /** What there is to know of a port. */
    private record Target(String name, String type, String socket, String mode, int queues, int mtu, boolean iommu) {
        static Target of(final PortConfig port) {
            return new Target(port.name(), port.type(), port.socket(), port.mode(), port.queues(), port.mtu(), port.extras().iommu());
        }

        static Target of(final Map<String, Object> keys) {
            return new Target((String) keys.get("name"), (String) keys.get("type"), (String) keys.get("socket"), (String) keys.get("mode"),
                number(keys.get("queues")), number(keys.get("mtu")), Boolean.TRUE.equals(keys.get("iommu")));
        }

        private static int number(final Object value) {
            return value instanceof final Integer number ? number : 0;
        }
    }

    private Target find() {
        final List<Target> ports = config == null ? running() : ConfigReader.read(config).ports().stream().map(Target::of).toList();
        final String names = ports.stream().map(Target::name).collect(Collectors.joining(", "));
        return ports.stream().filter(p -> p.name().equals(port)).findFirst()
            .orElseThrow(() -> new ConfigException("no port is named \"" + port + "\"; there are: " + names));
    }

    private List<Target> running() {
        try (ApiClient client = api.client()) {
            return Json.read(client.get("/config"), ConfigView.class).ports().stream().map(Target::of).toList();
        }
    }

    private List<String> arguments(final Target found) {
        final String name = found.name();
        final int vectors = 2 * found.queues() + 2;
        if (!PortConfig.VHOST_USER.equals(found.type())) {
            throw new ConfigException("port " + name + " is of type " + found.type() + "; QEMU attaches to type " + PortConfig.VHOST_USER);
        }
        final String link = switch (found.mode()) {
            case "server" -> reconnect();
            case "client" -> ",server=on,wait=off";
            default -> throw new ConfigException("port " + name + " was handed a connected socket; QEMU cannot connect to it");
        };
        final List<String> arguments = new ArrayList<>(List.of(
            "-object memory-backend-memfd,id=mem-ringbridge,size=" + memory + ",share=on",
            "-numa node,memdev=mem-ringbridge",
            "-chardev socket,id=chr-" + name + ",path=" + absolute(found.socket()) + link,
            "-netdev vhost-user,id=net-" + name + ",chardev=chr-" + name + ",queues=" + found.queues()));
        final boolean translated = found.iommu();
        if (translated) {
            arguments.add("-device intel-iommu,intremap=off,device-iotlb=on"); // of machine q35, and before the devices behind it
        }
        arguments.add("-device virtio-net-pci,netdev=net-" + name + (found.queues() > 1 ? ",mq=on,vectors=" + vectors : "")
            + ",host_mtu=" + found.mtu() + (translated ? ",disable-legacy=on,iommu_platform=on,ats=on" : ""));
        return arguments;
    }

    private String reconnect() {
        final double version;
        try {
            final String[] parts = qemuVersion.split("\\.", -1);
            version = Integer.parseInt(parts[0]) + (parts.length > 1 ? Integer.parseInt(parts[1]) / 10.0 : 0);
        } catch (NumberFormatException _) {
            throw new CommandLine.ParameterException(spec.commandLine(), "--qemu-version " + qemuVersion + " is not a version such as 7.2");
        }
        return version >= RECONNECT_MS_SINCE ? ",reconnect-ms=1000" : ",reconnect=1";
    }

    /** QEMU may run in another directory, and has commas doubled. */
    private static String absolute(final String socket) {
        return Path.of(socket).toAbsolutePath().normalize().toString().replace(",", ",,");
    }
}
