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
        "A vhost-user-net software switch: virtual machines attach over sockets, and the switch forwards frames "
            + "between them.%n";
    private static final String[] FOOTER = {
        "  ringbridge demo                      try it without a virtual machine",
        "  ringbridge run --port name=vm1,socket=/tmp/vm1.sock \\",
        "                 --port name=vm2,socket=/tmp/vm2.sock",
        "  ringbridge attach vm1                print the QEMU options for port vm1",
        "  ringbridge show ports                show the ports and their counters",
        "  ringbridge capture vm1 --write FILE  capture the frames at port vm1",
        "  ringbridge diagnose vm1              find out why a guest has no network",
        "  ringbridge bench throughput          measure the throughput",
        "",
        "Exit status: 0 success, 1 failure, 2 wrong usage or configuration,",
        "3 diagnose has found a problem, 70 a worker of a running switch ended",
        "unexpectedly, 130 interrupted by Ctrl-C."};

    /** The commands in the order of the help. */
    private static final List<String> COMMANDS =
        List.of("run", "demo", "show", "top", "events", "capture", "trace", "port", "fdb", "mirror", "reload", "log",
            "upgrade", "attach", "diagnose", "completion", "bench", "help");

    private Main() {
    }

    private static Object command(final String name) {
        return switch (name) {
            case "run" -> RunCommand.spec();
            case "demo" -> new DemoCommand();
            case "show" -> new ShowCommand().spec();
            case "trace" -> new TraceCommand().spec();
            case "top" -> new TopCommand();
            case "port" -> PortCommand.spec();
            case "fdb" -> FdbCommand.spec();
            case "mirror" -> MirrorCommand.spec();
            case "reload" -> new ReloadCommand().spec();
            case "capture" -> new CaptureCommand().spec();
            case "events" -> new EventsCommand().spec();
            case "log" -> LogCommand.spec();
            case "upgrade" -> new UpgradeCommand();
            case "attach" -> new AttachCommand();
            case "diagnose" -> new DiagnoseCommand().spec();
            case "completion" -> new CompletionCommand();
            case "bench" -> Specs.command("bench", new Bench(),
                "Measures this switch or any other vhost-user back-end; \"bench --help\" lists the benchmarks.");
            default -> new CommandLine.HelpCommand();
        };
    }

    /** Represents bench in the help. The launcher starts the benchmarks, which are a separate program. */
    private static final class Bench implements Callable<Integer> {
        @Override
        public Integer call() {
            throw new SwitchException("bench has to be started by the launcher, switch/bin/ringbridge");
        }
    }

    /** An option that the vhost-user conventions for back-end programs define. */
    private static final String CAPABILITIES = "--print-capabilities";

    /** Reads the version from the manifest. */
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

    /** Runs a command and returns its status. */
    static int run(final PrintWriter out, final PrintWriter err, final String... args) {
        // The conventions require that all other options are ignored, and define no features for a net back-end.
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

    /** Prints failures and returns their exit statuses. It is not a lambda, for the reason given in {@link Specs}. */
    private record Failures(PrintWriter err) implements IParameterExceptionHandler, IExecutionExceptionHandler {
        @Override
        public int handleParseException(final ParameterException failure, final String[] args) {
            print(err, Usage.line(failure));
            return CommandLine.ExitCode.USAGE;
        }

        @Override
        public int handleExecutionException(final Exception failure, final CommandLine line,
            final CommandLine.ParseResult result) {
            return status(err, failure);
        }
    }

    /** Creates the model of the named command, or of all commands if the arguments name none. */
    static CommandLine line(final String... args) {
        final CommandSpec root = Specs.examples(Specs.group("ringbridge", "missing command", DESCRIPTION), FOOTER);
        root.usageMessage().synopsisSubcommandLabel("COMMAND");
        root.addOption(OptionSpec.builder(CAPABILITIES).type(boolean.class)
            .description("Print the capabilities of this vhost-user back-end as JSON, and exit.").build());
        final CommandLine line = new CommandLine(root);
        for (final String name : named(args)) {
            line.addSubcommand(name, command(name));
        }
        addVersion(line);
        return line;
    }

    /** Adds the version to every command, for {@code --version}. */
    private static void addVersion(final CommandLine line) {
        line.getCommandSpec().versionProvider(new Version());
        for (final CommandLine command : line.getSubcommands().values()) {
            addVersion(command);
        }
    }

    /**
     * Returns the named command, or all commands if the arguments name none. Reading the models of the other commands
     * would delay the start noticeably.
     */
    private static List<String> named(final String... args) {
        final String first = args.length == 0 ? "" : AttachCommand.ALIAS.equals(args[0]) ? "attach" : args[0];
        return COMMANDS.contains(first) && !"help".equals(first) ? List.of(first) : COMMANDS;
    }

    private static int status(final PrintWriter err, final Exception failure) {
        final String message = String.valueOf(failure.getMessage());
        switch (failure) {
            case ConfigException _ -> {
                print(err, message);
                return CommandLine.ExitCode.USAGE;
            }
            case ApiException _, SwitchException _, HandOverException _ -> print(err, message);
            default -> {
                print(err, "internal error: " + failure
                    + (Logging.isVerbose() ? "" : "; \"run -v\" prints the stack trace"));
                if (Logging.isVerbose()) {
                    failure.printStackTrace(err);
                }
            }
        }
        return CommandLine.ExitCode.SOFTWARE;
    }

    private static void print(final PrintWriter err, final String message) {
        err.println("ringbridge: " + message.replace('\n', ' '));
        err.flush();
    }
}
