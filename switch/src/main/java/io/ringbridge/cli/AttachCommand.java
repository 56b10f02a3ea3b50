package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.api.ConfigView;
import io.ringbridge.api.Json;
import io.ringbridge.cli.attach.Machine;
import io.ringbridge.cli.attach.Program;
import io.ringbridge.cli.attach.QemuVersion;
import io.ringbridge.cli.attach.Target;
import io.ringbridge.config.ConfigException;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.PortConfig;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

/** Prints what attaches a machine to a port. */
@Command(name = "attach", aliases = AttachCommand.ALIAS, sortOptions = false, mixinStandardHelpOptions = true,
    description = "Prints what attaches a machine to a port: options, one per line, or fragments of libvirt's "
        + "XML.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  qemu-system-x86_64 -M q35,accel=kvm -m 2G \\",
        "    $(ringbridge attach vm1 --memory 2G --accel kvm) disk.qcow2",
        "  ringbridge attach vm1 --for libvirt",
        "  ringbridge attach vm1 --for cloud-hypervisor --memory 2G",
        "  ringbridge attach vm1 --config switch.yaml",
        "      needs no running switch",
        "",
        "The Ethernet address is the port's mac. Without mac, it is derived from the port's name and the machine ID "
            + "of this host; it starts with 02 and is the same each time. crosvm reads the address from the switch, "
            + "so the port needs mac for it. "
            + "For QEMU 7 without KVM, the options include vectors=0, because that version crashes otherwise. "
            + "\"qemu-args\" is another name of this command."})
final class AttachCommand implements Callable<Integer> {
    /** The earlier name of the command. */
    static final String ALIAS = "qemu-args";

    /** The accelerators of QEMU. */
    enum Accel {
        KVM, TCG;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Parameters(paramLabel = "PORT", description = "Name of the port.")
    private String port;

    @Option(names = "--for", paramLabel = "PROGRAM", defaultValue = "qemu",
        description = "One of ${COMPLETION-CANDIDATES}; ${DEFAULT-VALUE} if not given.")
    private Program program;

    @Option(names = "--config", paramLabel = "FILE",
        description = "Read this configuration file instead of asking a running switch.")
    private @Nullable Path config;

    @Option(names = "--memory", paramLabel = "SIZE", defaultValue = "1G",
        description = "Memory of the virtual machine, such as 512M or 2G, equal to QEMU's -m; ${DEFAULT-VALUE} if "
            + "not given.")
    private String memory;

    @Option(names = "--accel", paramLabel = "kvm|tcg", defaultValue = "tcg",
        description = "Accelerator of QEMU; tcg if not given, as in QEMU.")
    private Accel accel;

    @Option(names = "--qemu-version", paramLabel = "X.Y",
        description = "Version of QEMU (9.2 and later require reconnect-ms instead of reconnect); the version of the "
            + "installed qemu-system-x86_64 if not given, or 7.2 if none is installed.")
    private @Nullable String qemuVersion;

    @Mixin
    private ApiOption api;

    @Override
    public Integer call() {
        if (Machine.mebibytes(memory).isEmpty()) {
            throw new CommandLine.ParameterException(spec.commandLine(),
                "--memory " + memory + " is not a size such as 512M or 2G");
        }
        final PrintWriter out = spec.commandLine().getOut();
        program.attach(Target.of(find()), new Machine(memory, accel == Accel.KVM, this::version))
            .forEach(out::println);
        out.flush();
        return CommandLine.ExitCode.OK;
    }

    private Map<String, Object> find() {
        final List<Map<String, Object>> ports = config == null ? running() : configured(config);
        final String names = ports.stream().map(found -> String.valueOf(found.get("name")))
            .collect(Collectors.joining(", "));
        return ports.stream().filter(found -> port.equals(found.get("name"))).findFirst()
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

    private QemuVersion version() {
        if (qemuVersion == null) {
            return QemuVersion.installed();
        }
        return QemuVersion.parse(qemuVersion).orElseThrow(() -> new CommandLine.ParameterException(spec.commandLine(),
            "--qemu-version " + qemuVersion + " is not a version such as 7.2"));
    }
}
