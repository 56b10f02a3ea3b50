package io.ringbridge.bench.latency;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.options.Check;
import io.ringbridge.bench.plot.Point;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Draws the results of several measurements of latency in one plot. */
@Command(name = "plot", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Draws the latencies that \"bench latency --json\" has measured, of one or several files, in one "
        + "plot.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge bench latency --json >ours.json",
        "  ringbridge bench latency --backend ovs --json >ovs.json",
        "  ringbridge bench plot ours.json ovs.json -o both.svg"})
public final class PlotCommand implements Callable<Integer> {
    private static final int LARGEST = 64 << 20;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "FILE", arity = "1..*", description = "Results in JSON.")
    private List<Path> files;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", required = true,
        description = "The plot; FILE ends in .svg or .png.")
    private Path output;

    @Override
    public Integer call() {
        final Check check = new Check(spec);
        check.plot("--output", output);
        final List<Curve> curves = new ArrayList<>();
        final Set<String> frames = new LinkedHashSet<>();
        final Set<String> notes = new LinkedHashSet<>();
        for (final Path file : files) {
            final JsonNode root = read(file);
            final Set<String> drawn = curves.stream().map(Curve::system).collect(Collectors.toSet());
            final List<Curve> own = curves(root, file, drawn);
            if (own.isEmpty()) {
                throw new BenchException(file + " has no latencies; use the output of bench latency --json");
            }
            curves.addAll(own);
            frames.add(root.path("frames").asText());
            notes.add(note(root.path("environment")));
        }
        LatencyPlot.page(curves, String.join(" and ", frames), List.copyOf(notes)).write("--output", output);
        spec.commandLine().getOut().println(output);
        spec.commandLine().getOut().flush();
        return CommandLine.ExitCode.OK;
    }

    private static JsonNode read(final Path file) {
        try {
            if (Files.size(file) > LARGEST) {
                throw new BenchException(file + " has more than " + LARGEST + " bytes");
            }
            return new ObjectMapper().readTree(Files.readString(file));
        } catch (final JsonProcessingException e) {
            throw new BenchException(file + " is not JSON: " + e.getOriginalMessage(), e);
        } catch (final NoSuchFileException e) {
            throw new BenchException(file + " does not exist", e);
        } catch (final IOException e) {
            throw new BenchException(file + ": " + e.getMessage(), e);
        }
    }

    /** Returns the curves of a file. A back-end whose name another file has used is named after its file as well. */
    private static List<Curve> curves(final JsonNode root, final Path file, final Set<String> taken) {
        final List<Curve> curves = new ArrayList<>();
        for (final JsonNode system : root.path("systems")) {
            final String name = system.at("/setup/target").asText("back-end");
            final String full = taken.contains(name)
                ? name + " (" + file.getFileName().toString().replaceFirst("\\.json$", "") + ")" : name;
            for (final JsonNode result : system.path("results")) {
                final List<Point> points = new ArrayList<>();
                result.path("distribution").forEach(point -> points.add(
                    new Point(point.path("percentile").asDouble(), point.path("micros").asDouble())));
                if (!points.isEmpty()) {
                    curves.add(new Curve(full, result.path("receive").asText(), result.path("load").asText(), points));
                }
            }
        }
        return curves;
    }

    private static String note(final JsonNode environment) {
        return Stream.of("processor", "hypervisor", "kernel", "time", "version", "commit", "dpdk", "open_vswitch")
            .map(key -> environment.path(key).asText("")).filter(value -> !value.isEmpty())
            .collect(Collectors.joining(", "));
    }
}
