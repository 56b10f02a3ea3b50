package io.ringbridge.cli;

import io.ringbridge.api.ApiException;
import io.ringbridge.app.Logging;
import io.ringbridge.app.SwitchException;
import io.ringbridge.config.ConfigException;
import io.ringbridge.control.handover.HandOverException;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

import java.io.PrintWriter;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;

/** The command {@code ringbridge}. */
public final class Main {
    private static final String DESCRIPTION =
        "A vhost-user-net software switch: virtual machines attach to it over sockets, and it moves frames between "
            + "them.%n";
    private static final String[] FOOTER = {
        "  ringbridge demo                      see it work, without a virtual machine",
        "  ringbridge run --port name=vm1,socket=/tmp/vm1.sock \\",
        "                 --port name=vm2,socket=/tmp/vm2.sock",
        "  ringbridge qemu-args vm1             what to start QEMU with",
        "  ringbridge show ports                what goes through",
        "  ringbridge bench throughput          measure it",
        "",
        "Exit status: 0 done, 1 failed, 2 wrong usage or configuration,",
        "70 a worker of a running switch has ended."};

    /** In the order in which help lists them. */
    private static final List<String> COMMANDS =
        List.of("run", "demo", "show", "port", "fdb", "upgrade", "qemu-args", "bench", "help");

    private Main() {
    }

    private static Object command(final String name) {
        return switch (name) {
            case "run" -> new RunCommand();
            case "demo" -> new DemoCommand();
            case "show" -> new ShowCommand().spec();
            case "port" -> PortCommand.spec();
            case "fdb" -> FdbCommand.spec();
            case "upgrade" -> new UpgradeCommand();
            case "qemu-args" -> new QemuArgsCommand();
            case "bench" -> Specs.command("bench", new Bench(),
                "Measures this switch, or any other vhost-user back-end; bench --help lists how.");
            default -> new CommandLine.HelpCommand();
        };
    }

    /** The tool that measures is a program of its own, which the launcher starts; this stands for it in the help. */
    private static final class Bench implements Callable<Integer> {
        @Override
        public Integer call() {
            throw new SwitchException("bench is started by the launcher, switch/bin/ringbridge", null);
        }
    }

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
        final Failures failures = new Failures(err);
        return line(args).setOut(out).setErr(err)
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setUsageHelpAutoWidth(true)
            .setParameterExceptionHandler(failures)
            .setExecutionExceptionHandler(failures)
            .execute(args);
    }

    /** Prints failures, and makes statuses of them. Not lambdas, for the reason that {@link Specs} gives. */
    private record Failures(PrintWriter err) implements IParameterExceptionHandler, IExecutionExceptionHandler {
        @Override
        public int handleParseException(final ParameterException failure, final String[] args) {
            tell(err, Usage.line(failure));
            return CommandLine.ExitCode.USAGE;
        }

        @Override
        public int handleExecutionException(final Exception failure, final CommandLine line,
            final CommandLine.ParseResult result) {
            return status(err, failure);
        }
    }

    /** Makes the model of the command line; of all commands if none of them is named. */
    static CommandLine line(final String... args) {
        final CommandSpec root = Specs.examples(Specs.group("ringbridge", "a command is needed", DESCRIPTION), FOOTER);
        root.usageMessage().synopsisSubcommandLabel("COMMAND");
        root.addOption(OptionSpec.builder(CAPABILITIES).type(boolean.class)
            .description("Print what this vhost-user back-end program can do, as JSON, and exit.").build());
        final CommandLine line = new CommandLine(root);
        for (final String name : named(args)) {
            line.addSubcommand(name, command(name));
        }
        versions(line);
        return line;
    }

    /** Lets every command answer {@code --version}. */
    private static void versions(final CommandLine line) {
        line.getCommandSpec().versionProvider(new Version());
        for (final CommandLine command : line.getSubcommands().values()) {
            versions(command);
        }
    }

    /**
     * The command that is named; all if none is. To read what the others take is a part of a start that one would
     * notice.
     */
    private static List<String> named(final String... args) {
        return args.length > 0 && COMMANDS.contains(args[0]) && !"help".equals(args[0]) ? List.of(args[0]) : COMMANDS;
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
