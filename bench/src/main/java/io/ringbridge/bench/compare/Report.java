package io.ringbridge.bench.compare;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.ringbridge.bench.harness.Machine;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** All measurements, and what they say. */
final class Report {
    private static final double MILLION = 1e6;
    private static final double DISTURBED = 0.05;

    private final List<Contender> contenders;
    private final Map<Work, Map<Contender, List<Measurement>>> measurements = new LinkedHashMap<>();

    Report(final List<Contender> contenders) {
        this.contenders = contenders;
    }

    /** What is done: frames of one size over rings of one kind. */
    record Work(Variant variant, int frameSize) {
        String title() {
            return frameSize + " B " + variant.title();
        }
    }

    void add(final Work work, final Contender contender, final Measurement measurement) {
        measurements.computeIfAbsent(work, _ -> new LinkedHashMap<>()).computeIfAbsent(contender, _ -> new ArrayList<>()).add(measurement);
    }

    /** Frames that were lost by this contender in all its runs. */
    long lost(final Contender contender) {
        return measurements.values().stream().flatMap(each -> each.getOrDefault(contender, List.of()).stream())
            .mapToLong(Measurement::lost).sum();
    }

    private static Optional<Measurement> best(final Map<Contender, List<Measurement>> results, final Contender contender) {
        return results.getOrDefault(contender, List.of()).stream().max(Comparator.comparingDouble(Measurement::framesPerSecond));
    }

    private static Optional<Double> ratio(final Map<Contender, List<Measurement>> results, final Contender contender) {
        return best(results, Contender.RINGBRIDGE)
            .flatMap(ours -> best(results, contender).map(theirs -> ours.framesPerSecond() / theirs.framesPerSecond()));
    }

    /** A ratio for people, marked if one of the two runs that it is made of was disturbed. */
    private static String ratioText(final Map<Contender, List<Measurement>> results, final Contender contender) {
        final boolean disturbed = Stream.of(Contender.RINGBRIDGE, contender).flatMap(each -> best(results, each).stream())
            .anyMatch(Report::isDisturbed);
        return ratio(results, contender).map(value -> String.format(Locale.ROOT, "%.2f%s", value, disturbed ? "*" : "")).orElse("-");
    }

    private static boolean isDisturbed(final Measurement measurement) {
        return measurement.disturbed() > DISTURBED;
    }

    /** Million frames a second for people: the best run of each, the worst in brackets. */
    String table() {
        final List<List<String>> rows = new ArrayList<>();
        final List<String> head = new ArrayList<>(List.of("work"));
        contenders.forEach(contender -> head.add(contender.title()));
        head.addAll(List.of("to pipe", "to OVS", "frames lost"));
        rows.add(head);
        measurements.forEach((work, results) -> {
            final List<String> row = new ArrayList<>(List.of(work.title()));
            contenders.forEach(contender -> row.add(rates(results, contender)));
            row.add(ratioText(results, Contender.PIPE));
            row.add(ratioText(results, Contender.OVS));
            row.add(contenders.stream().map(contender -> Long.toString(lost(results, contender))).collect(Collectors.joining(" ")));
            rows.add(row);
        });
        return render(rows);
    }

    private static long lost(final Map<Contender, List<Measurement>> results, final Contender contender) {
        return results.getOrDefault(contender, List.of()).stream().mapToLong(Measurement::lost).sum();
    }

    private static String rates(final Map<Contender, List<Measurement>> results, final Contender contender) {
        final Optional<Measurement> found = best(results, contender);
        if (found.isEmpty()) {
            return "-";
        }
        final Measurement best = found.get();
        final double worst = results.get(contender).stream().mapToDouble(Measurement::framesPerSecond).min().orElseThrow();
        return String.format(Locale.ROOT, "%.2f%s (%.2f)", best.framesPerSecond() / MILLION,
            isDisturbed(best) ? "*" : "", worst / MILLION);
    }

    private static String render(final List<List<String>> rows) {
        final StringBuilder text = new StringBuilder();
        for (int row = 0; row < rows.size(); row++) {
            for (final String cell : rows.get(row)) {
                text.append("| ").append(cell).append(' ');
            }
            text.append("|\n");
            if (row == 0) {
                text.append("|---".repeat(rows.get(row).size())).append("|\n");
            }
        }
        return text.toString();
    }

    /** Everything, for programs. */
    String json(final Placement placement) {
        final ObjectMapper mapper = new ObjectMapper();
        final ObjectNode root = mapper.createObjectNode();
        root.put("processor", Machine.processor()).put("cpus", Machine.cpus().size()).put("hugepages", placement.hugepages());
        measurements.forEach((work, results) -> {
            final ObjectNode entry = root.withArray("works").addObject();
            entry.put("variant", work.variant().title()).put("frame_bytes", work.frameSize());
            ratio(results, Contender.PIPE).ifPresent(value -> entry.put("ringbridge_to_pipe", value));
            ratio(results, Contender.OVS).ifPresent(value -> entry.put("ringbridge_to_ovs", value));
            results.forEach((contender, runs) -> {
                final ObjectNode system = entry.withArray("systems").addObject().put("name", contender.title());
                best(results, contender).ifPresent(value -> system.put("best_frames_per_second", value.framesPerSecond()));
                for (final Measurement run : runs) {
                    system.withArray("runs").addObject().put("frames_per_second", run.framesPerSecond())
                        .put("last_to_first", run.lastToFirst()).put("disturbed", run.disturbed())
                        .put("circulating", run.circulating()).put("lost", run.lost());
                }
            });
        });
        return root.toPrettyString();
    }
}
