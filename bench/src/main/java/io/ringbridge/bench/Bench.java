package io.ringbridge.bench;

import io.ringbridge.app.Logging;
import io.ringbridge.bench.compare.Compare;
import io.ringbridge.bench.history.HistoryCommand;
import io.ringbridge.bench.jmh.JmhCommand;
import io.ringbridge.bench.latency.LatencyCommand;
import io.ringbridge.bench.latency.PlotCommand;
import io.ringbridge.bench.learning.LearningCommand;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.throughput.ThroughputCommand;
import io.ringbridge.cli.Usage;
import io.ringbridge.config.ConfigException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;

/** The command {@code ringbridge bench}. */
@Command(name = "ringbridge bench", sortOptions = false, mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND", versionProvider = Bench.Version.class,
    description = "Measures this switch, or any other vhost-user back-end that forwards between its ports.%n",
    subcommands = {ThroughputCommand.class, LatencyCommand.class, LearningCommand.class,
        Compare.class, PlotCommand.class, JmhCommand.class, HistoryCommand.class},
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge bench throughput --sizes 64,1500",
        "  ringbridge bench latency --target a.sock --target b.sock",
        "  ringbridge bench compare --trials 5",
        "",
        "Exit status: 0 done, 1 failed, 2 wrong usage, 3 done, but with too few",
        "undisturbed trials."})
public final class Bench implements Runnable {
    @Spec
    private CommandSpec spec;

    /** Runs a command and exits with its status. */
    public static void main(final String[] args) {
        System.exit(run(new PrintWriter(System.out, true, System.out.charset()),
            new PrintWriter(System.err, true, System.err.charset()), args));
    }

    /**
     * Runs a command.
     *
     * @return its exit status
     */
    static int run(final PrintWriter out, final PrintWriter err, final String... args) {
        Logging.quiet();
        return line().setOut(out).setErr(err)
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setUsageHelpAutoWidth(true)
            .setParameterExceptionHandler((failure, _) -> {
                report(err, Usage.line(failure));
                return CommandLine.ExitCode.USAGE;
            })
            .setExecutionExceptionHandler((failure, command, _) -> status(err, command.getCommandName(), failure))
            .execute(args);
    }

    /** Builds the command line. */
    static CommandLine line() {
        final CommandLine line = new CommandLine(new Bench());
        final CommandLine jmh = line.getSubcommands().get("jmh");
        assert jmh != null : "the annotation of this class names it";
        jmh.setUnmatchedOptionsArePositionalParams(true).setStopAtPositional(true);
        line.getSubcommands().values().forEach(command -> command.getCommandSpec().versionProvider(new Version()));
        return line;
    }

    /** The version of the switch. The bench tool has the same version. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            final String version = Bench.class.getPackage().getImplementationVersion();
            return new String[] {"ringbridge " + (version == null ? "(not packaged)" : version)};
        }
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "missing command");
    }

    private static int status(final PrintWriter err, final String command, final Exception failure) {
        switch (failure) {
            case ConfigException _ -> {
                report(err, String.valueOf(failure.getMessage()));
                return CommandLine.ExitCode.USAGE;
            }
            case BenchException _, IOException _, UncheckedIOException _ ->
                report(err, command + ": " + failure.getMessage());
            case InterruptedException _ -> report(err, command + ": interrupted");
            default -> report(err, command + ": internal error: " + failure);
        }
        return CommandLine.ExitCode.SOFTWARE;
    }

    private static void report(final PrintWriter err, final String message) {
        err.println("ringbridge bench: " + message.strip().replace("\n", " / "));
        err.flush();
    }
}
