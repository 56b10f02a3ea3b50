package io.ringbridge.cli;

import io.ringbridge.api.ApiException;
import io.ringbridge.app.Logging;
import io.ringbridge.app.SwitchException;
import io.ringbridge.config.ConfigException;
import io.ringbridge.control.handover.HandOverException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.OptionSpec;

import java.io.PrintWriter;
import java.util.Arrays;
import java.util.List;

/** The command {@code ringbridge}. */
@Command(name = "ringbridge", sortOptions = false, mixinStandardHelpOptions = true, versionProvider = Main.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    description = "A vhost-user-net software switch: virtual machines attach to it over sockets, and it moves frames between them.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge demo                                       see it work, without a virtual machine",
        "  ringbridge run --port name=vm1,socket=/tmp/vm1.sock --port name=vm2,socket=/tmp/vm2.sock",
        "  ringbridge qemu-args vm1                              what to start QEMU with",
        "  ringbridge show ports                                 what goes through",
        "  ringbridge bench throughput                           measure it; bench --help tells more",
        "",
        "Exit status: 0 done, 1 failed, 2 wrong usage or configuration, 70 a worker of a running switch has ended."})
public final class Main implements Runnable {
    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    /** In the order in which help lists them. */
    private static final List<Class<?>> COMMANDS = List.of(RunCommand.class, DemoCommand.class, ShowCommand.class, PortCommand.class,
        FdbCommand.class, UpgradeCommand.class, QemuArgsCommand.class);

    /** Of the vhost-user conventions for back-end programs. */
    private static final String CAPABILITIES = "--print-capabilities";

    /** What the manifest says. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            final String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"ringbridge " + (version == null ? "(not packaged)" : version)};
        }
    }

    /** Runs a command and exits with its status. */
    public static void main(final String[] args) {
        System.exit(run(new PrintWriter(System.out, true, System.out.charset()),
            new PrintWriter(System.err, true, System.err.charset()), args));
    }

    /** Runs a command and gives back its status. */
    static int run(final PrintWriter out, final PrintWriter err, final String... args) {
        // The conventions say that every other option is ignored then; of features a net back-end may have they name none.
        if (Arrays.asList(args).contains(CAPABILITIES)) {
            out.println("{\"type\": \"net\", \"features\": []}");
            out.flush();
            return CommandLine.ExitCode.OK;
        }
        final CommandLine line = new CommandLine(new Main());
        commands(args).forEach(line::addSubcommand);
        line.setOut(out).setErr(err)
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setUsageHelpAutoWidth(true)
            .setParameterExceptionHandler((failure, _) -> {
                final String message = failure.getMessage().lines().findFirst().orElse("wrong usage");
                tell(err, message + "; see " + failure.getCommandLine().getCommandSpec().qualifiedName() + " --help");
                return CommandLine.ExitCode.USAGE;
            })
            .setExecutionExceptionHandler((failure, _, _) -> status(err, failure));
        line.getCommandSpec().addOption(OptionSpec.builder(CAPABILITIES).type(boolean.class)
            .description("Print what this vhost-user back-end program can do, as JSON, and exit.").build());
        return line.execute(args);
    }

    /** The command that is named; all where none is. To read what the others take is a part of a start that one would notice. */
    private static List<Class<?>> commands(final String... args) {
        return COMMANDS.stream().filter(command -> args.length > 0 && command.getAnnotation(Command.class).name().equals(args[0]))
            .findFirst().<List<Class<?>>>map(List::of).orElse(COMMANDS);
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "a command is needed");
    }

    private static int status(final PrintWriter err, final Exception failure) {
        switch (failure) {
            case ConfigException _ -> {
                tell(err, failure.getMessage());
                return CommandLine.ExitCode.USAGE;
            }
            case ApiException _, SwitchException _, HandOverException _ -> tell(err, failure.getMessage());
            default -> {
                tell(err, "internal error: " + failure + (Logging.isVerbose() ? "" : "; run -v shows where"));
                if (Logging.isVerbose()) {
                    failure.printStackTrace(err);
                }
            }
        }
        return CommandLine.ExitCode.SOFTWARE;
    }

    private static void tell(final PrintWriter err, final String message) {
        err.println("ringbridge: " + message.replace('\n', ' '));
        err.flush();
    }
}
