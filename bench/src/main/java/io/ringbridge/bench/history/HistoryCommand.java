package io.ringbridge.bench.history;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.machine.ProjectRoot;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** Draws the recorded results. */
@Command(name = "history", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Draws the recorded results of bench/results as a plot, docs/history.svg.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge bench history",
        "  ringbridge bench history --plot /tmp/history.svg"})
public final class HistoryCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--plot", paramLabel = "FILE", description = "The file to write, instead of docs/history.svg of "
        + "the source tree.")
    private Path plot;

    @Override
    public Integer call() {
        final Path root = ProjectRoot.find();
        final Path file = plot == null ? root.resolve("docs/history.svg") : plot;
        final Results results = Results.read(root.resolve("bench/results"));
        try {
            Files.writeString(file, HistoryPlot.draw(results, Panels.all()));
        } catch (final IOException e) {
            throw new BenchException(file + ": " + e.getMessage(), e);
        }
        spec.commandLine().getOut().println(file);
        return CommandLine.ExitCode.OK;
    }
}
