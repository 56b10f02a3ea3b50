package io.ringbridge.bench.jmh;

import io.ringbridge.bench.machine.BenchException;
import org.openjdk.jmh.Main;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** Runs the microbenchmarks. */
@Command(name = "jmh", sortOptions = false,
    description = "Runs microbenchmarks of the datapath's parts with JMH.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge bench jmh -h              JMH's options",
        "  ringbridge bench jmh -l              all benchmarks",
        "  ringbridge bench jmh Copy -p length=64,1500"})
public final class JmhCommand implements Callable<Integer> {
    // JMH has its own -h, so the standard options, which picocli handles, have only their long names.
    @SuppressWarnings("unused")
    @Option(names = "--help", usageHelp = true, description = "Show this help message and exit.")
    private boolean help;

    @SuppressWarnings("unused")
    @Option(names = "--version", versionHelp = true, description = "Print version information and exit.")
    private boolean version;

    @Parameters(paramLabel = "JMH-OPTION",
        description = "Options of JMH, and regular expressions that select benchmarks; default: all benchmarks.")
    private List<String> arguments = new ArrayList<>();

    @Override
    public Integer call() {
        try {
            Main.main(arguments.toArray(String[]::new));
        } catch (final IOException e) {
            throw new BenchException("JMH: " + e.getMessage(), e);
        }
        return CommandLine.ExitCode.OK;
    }
}
