package io.ringbridge.bench.compare;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.ringbridge.bench.machine.Machine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** All measurements, and the comparison derived from them. */
final class Report {
    private static final double DISTURBED = 0.05;

    private final List<Contender> contenders;
    private final Map<Work, Map<Contender, List<Measurement>>> measurements = new LinkedHashMap<>();
    private double shortest = Double.MAX_VALUE;

    Report(final List<Contender> contenders) {
        this.contenders = contenders;
    }

    /** A load over rings of one kind. Circulating frames have one size. */
    record Work(Kind kind, Variant variant, int frameSize) {
        String title() {
            return (kind == Kind.FRAMES ? frameSize + " B" : kind.title() + ",") + " " + variant.title();
        }
    }

    void add(final Work work, final Contender contender, final Measurement measurement) {
        measurements.computeIfAbsent(work, _ -> new LinkedHashMap<>())
            .computeIfAbsent(contender, _ -> new ArrayList<>()).add(measurement);
        shortest = Math.min(shortest, measurement.nearestNanos());
    }

    /** Returns the smallest number of runs of any system and load with the processors near each other. */
    int fewest() {
        return measurements.keySet().stream()
            .flatMap(work -> contenders.stream().filter(contender -> contender.does(work.kind()))
                .map(contender -> runs(work, contender, Distance.NEAR).size()))
            .min(Comparator.naturalOrder()).orElse(0);
    }

    /** Returns the number of frames that a contender lost in all its runs. */
    long lost(final Contender contender) {
        return measurements.keySet().stream().mapToLong(work -> lost(work, contender)).sum();
    }

    private long lost(final Work work, final Contender contender) {
        return runs(work, contender).stream().mapToLong(Measurement::lost).sum();
    }

    private List<Measurement> runs(final Work work, final Contender contender) {
        return measurements.getOrDefault(work, Map.of()).getOrDefault(contender, List.of());
    }

    private List<Measurement> runs(final Work work, final Contender contender, final Distance distance) {
        return runs(work, contender).stream().filter(run -> Distance.of(run, shortest) == distance).toList();
    }

    private Optional<Measurement> best(final Work work, final Contender contender, final Distance distance) {
        return runs(work, contender, distance).stream().max(Comparator.comparingDouble(Measurement::rate));
    }

    private Optional<Double> ratio(final Work work, final Contender contender, final Distance distance) {
        return best(work, Contender.RINGBRIDGE, distance).flatMap(ours ->
            best(work, contender, distance).map(theirs -> ours.rate() / theirs.rate()));
    }

    /** Formats a ratio for the table. Marks it if one of its two runs was disturbed. */
    private String ratioText(final Work work, final Contender contender, final Distance distance) {
        final boolean disturbed = Stream.of(Contender.RINGBRIDGE, contender)
            .flatMap(each -> best(work, each, distance).stream())
            .anyMatch(Report::isDisturbed);
        return ratio(work, contender, distance)
            .map(value -> String.format(Locale.ROOT, "%.2f%s", value, disturbed ? "*" : "")).orElse("-");
    }

    private static boolean isDisturbed(final Measurement measurement) {
        return measurement.disturbed() > DISTURBED;
    }

    /** Returns the table: one row per load and distance, with the best run, the worst run, and the number of runs. */
    String table() {
        final List<List<String>> rows = new ArrayList<>();
        final List<String> head = new ArrayList<>(List.of("work", "processors"));
        contenders.forEach(contender -> head.add(contender.title()));
        others().forEach(contender -> head.add("to " + contender.title()));
        head.add("frames lost");
        rows.add(head);
        for (final Distance distance : List.of(Distance.NEAR, Distance.APART)) {
            measurements.keySet().stream()
                .filter(work -> contenders.stream().anyMatch(contender -> !runs(work, contender, distance).isEmpty()))
                .forEach(work -> rows.add(row(work, distance)));
        }
        return render(rows);
    }

    private List<String> row(final Work work, final Distance distance) {
        final List<String> row = new ArrayList<>(List.of(work.title(), distance.title()));
        contenders.forEach(contender -> row.add(rates(work, contender, distance)));
        others().forEach(contender -> row.add(ratioText(work, contender, distance)));
        row.add(contenders.stream().map(contender -> Long.toString(lost(work, contender)))
            .collect(Collectors.joining(" ")));
        return row;
    }

    /** Returns the systems with which this switch is compared. */
    private Stream<Contender> others() {
        return contenders.stream().filter(contender -> contender != Contender.RINGBRIDGE);
    }

    private String rates(final Work work, final Contender contender, final Distance distance) {
        final Optional<Measurement> found = best(work, contender, distance);
        if (found.isEmpty()) {
            return "-";
        }
        final Measurement best = found.get();
        final List<Measurement> runs = runs(work, contender, distance);
        final double worst = runs.stream().mapToDouble(Measurement::rate).min().orElseThrow();
        final double unit = work.kind().unit();
        return String.format(Locale.ROOT, "%.2f%s (%.2f) of %d", best.rate() / unit, isDisturbed(best) ? "*" : "",
            worst / unit, runs.size());
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

    /** Returns all runs as JSON. */
    String json(final Placement placement) {
        final ObjectMapper mapper = new ObjectMapper();
        final ObjectNode root = mapper.createObjectNode();
        root.put("processor", Machine.processor()).put("cpus", Machine.cpus().size())
            .put("hugepages", placement.hugepages());
        measurements.forEach((work, results) -> {
            final ObjectNode entry = root.withArray("works").addObject();
            final String rate = work.kind().key();
            entry.put("work", work.kind().title()).put("variant", work.variant().title());
            if (work.kind() == Kind.FRAMES) {
                entry.put("frame_bytes", work.frameSize());
            }
            others().forEach(contender -> ratio(work, contender, Distance.NEAR)
                .ifPresent(value -> entry.put("ringbridge_to_" + contender.name().toLowerCase(Locale.ROOT), value)));
            results.forEach((contender, runs) -> {
                final ObjectNode system = entry.withArray("systems").addObject().put("name", contender.title());
                best(work, contender, Distance.NEAR).ifPresent(value -> system.put("best_" + rate, value.rate()));
                for (final Measurement run : runs) {
                    system.withArray("runs").addObject().put(rate, run.rate())
                        .put("processors", Distance.of(run, shortest).title())
                        .put("nearest_nanos", run.nearestNanos()).put("farthest_nanos", run.farthestNanos())
                        .put("last_to_first", run.lastToFirst()).put("disturbed", run.disturbed())
                        .put("circulating", run.circulating()).put("lost", run.lost());
                }
            });
        });
        return root.toPrettyString();
    }
}
