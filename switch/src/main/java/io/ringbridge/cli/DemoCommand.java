package io.ringbridge.cli;

import io.ringbridge.api.Json;
import io.ringbridge.api.Table;
import io.ringbridge.app.Logging;
import io.ringbridge.app.SwitchException;
import io.ringbridge.app.demo.Demo;
import io.ringbridge.app.demo.DemoReport;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Demonstrates and measures the switch. */
@Command(name = "demo", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Runs a switch and two guests in one process, connected by real vhost-user sockets, and measures "
        + "the traffic between the guests.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge demo",
        "  ringbridge demo --seconds 30 --json | jq '.results[].mpps'"})
final class DemoCommand implements Callable<Integer> {
    private static final int MAX_SECONDS = 3600;
    private static final long PATIENCE_MILLIS = 1500;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Option(names = "--seconds", paramLabel = "N", defaultValue = "12",
        description = "Duration in seconds, 3 to 3600; ${DEFAULT-VALUE} if not given.")
    private int seconds;

    @Option(names = "--json", description = "Print one JSON object at the end, and nothing else.")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException {
        if (seconds < Demo.MIN_SECONDS || seconds > MAX_SECONDS) {
            throw new CommandLine.ParameterException(spec.commandLine(),
                "--seconds " + seconds + " is out of range; " + Demo.MIN_SECONDS + " to " + MAX_SECONDS
                + " is allowed");
        }
        Logging.quiet();
        final PrintWriter out = spec.commandLine().getOut();
        final boolean terminal = Output.isTerminal();
        final CountDownLatch closed = new CountDownLatch(1);
        try (Demo demo = Demo.start()) {
            cancelOnSignal(demo, closed);
            final DemoReport report =
                demo.run(seconds, json ? (_, _) -> { } : (length, rate) -> printRate(out, terminal, length, rate))
                    .orElseThrow(() -> new SwitchException("the demo was interrupted"));
            if (json) {
                out.println(Json.write(report));
            } else {
                out.print(terminal ? "\r\033[K" : "");
                print(report, out);
            }
            out.flush();
            return report.results().stream().allMatch(result -> result.dropped() == 0) ? CommandLine.ExitCode.OK
                : CommandLine.ExitCode.SOFTWARE;
        } finally {
            closed.countDown();
        }
    }

    /** Cancels the demo on a signal, and delays the end of the process until the demo's files are removed. */
    private static void cancelOnSignal(final Demo demo, final CountDownLatch closed) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            demo.cancel();
            try {
                closed.await(PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        }, "demo-ending"));
    }

    private static void printRate(final PrintWriter out, final boolean terminal, final int length, final long rate) {
        final String line = String.format(Locale.ROOT, "%5d bytes  %7.3f Mpps  %7.2f Gbit/s", length, rate / 1e6,
            (double) rate * length * Byte.SIZE / 1e9);
        if (terminal) {
            out.print("\r" + line + "\033[K");
        } else {
            out.println(line);
        }
        out.flush();
    }

    private static void print(final DemoReport report, final PrintWriter out) {
        out.println();
        final Table table = new Table("BYTES", "MPPS", "GBIT/S", "FRAMES", "DROPPED", "P50-US", "P90-US", "P99-US",
            "P99.9-US", "MAX-US");
        for (final DemoReport.Result result : report.results()) {
            final DemoReport.Latency latency = result.latencyMicros();
            table.row(result.frameBytes(), fixed(3, result.mpps()), fixed(2, result.gbitPerSecond()), result.frames(),
                result.dropped(), fixed(1, latency.p50()), fixed(1, latency.p90()), fixed(1, latency.p99()),
                fixed(1, latency.p999()), fixed(1, latency.max()));
        }
        table.print(out);
        out.println();
        out.println("rate:    " + report.direction());
        out.println("latency: " + report.latency());
        out.println("Every frame arrived once and in order, and the switch counted all of them.");
        out.flush();
    }

    private static String fixed(final int digits, final double number) {
        return String.format(Locale.ROOT, "%." + digits + "f", number);
    }
}
