package io.ringbridge.api;

import io.ringbridge.config.PortKey;
import org.jspecify.annotations.Nullable;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Formats the views as tables for people. */
final class Tables {
    private static final double MIN_BUSY_SHARE = 0.01;

    private Tables() {
    }

    static String ports(final List<PortView> ports, final Units units) {
        return text(out -> PortTables.ports(ports, units, out));
    }

    static String port(final PortDetailView port, final Units units) {
        return text(out -> PortTables.detail(port, units, out));
    }

    static String checks(final List<CheckView> checks) {
        return text(out -> PortTables.checks(checks, out));
    }

    static String queues(final List<QueueView> queues, final Units units) {
        return text(out -> queues(queues, units, out));
    }

    static String stations(final List<StationView> stations) {
        return text(out -> stations(stations, out));
    }

    static String workers(final List<WorkerView> workers, final Units units) {
        return text(out -> workers(workers, units, out));
    }

    static String captures(final List<CaptureView> captures) {
        return text(out -> captures(captures, out));
    }

    static String mirrors(final List<MirrorView> mirrors, final Units units) {
        return text(out -> mirrors(mirrors, units, out));
    }

    static String logLevels(final LogLevelsView levels) {
        return text(out -> {
            out.println("general level: " + levels.level());
            levels.ports().forEach((port, level) -> out.println("port " + port + ": " + level));
        });
    }

    static String config(final ConfigView config) {
        return text(out -> config(config, out));
    }

    private static String text(final Consumer<PrintWriter> view) {
        final StringWriter text = new StringWriter();
        try (PrintWriter out = new PrintWriter(text)) {
            view.accept(out);
        }
        return text.toString();
    }

    private static void queues(final List<QueueView> queues, final Units units, final PrintWriter out) {
        final Table table = new Table("PORT", "QUEUE", "KIND", "WORKER", "STATE", "LAYOUT", "SIZE", "IN", "IN-BYTES",
            "OUT", "OUT-BYTES", "DROPS");
        final List<QueueView> started = queues.stream().filter(QueueView::started).toList();
        for (final QueueView queue : started) {
            table.row(queue.port(), queue.index(), queue.kind(), queue.worker(),
                queue.enabled() ? "enabled" : "disabled", queue.layout(), queue.size(), units.count(queue.inFrames()),
                units.count(queue.inBytes()), units.count(queue.outFrames()), units.count(queue.outBytes()),
                units.count(PortTables.sum(queue.drops())));
        }
        table.print(out);
        started.stream().filter(queue -> !queue.drops().isEmpty()).forEach(queue -> PortTables.paragraph(
            queue.port() + " queue " + queue.index() + ": dropped ", PortTables.drops(queue.drops()), out));
        if (started.size() < queues.size()) {
            out.println("queues not started: " + (queues.size() - started.size()));
        }
        out.flush();
    }

    private static void stations(final List<StationView> stations, final PrintWriter out) {
        final Table table = new Table("MAC", "VLAN", "PORT", "AGE");
        for (final StationView station : stations) {
            table.row(station.mac(), station.vlan(), station.port(),
                station.isStatic() ? "static" : station.ageSeconds() + " s");
        }
        table.print(out);
    }

    private static void workers(final List<WorkerView> workers, final Units units, final PrintWriter out) {
        final Table table = new Table("WORKER", "CPU", "QUEUES", "BUSY", "FRAMES", "CYCLES/FRAME", "FRAMES/POLL",
            "LONGEST-US", "STALLS");
        for (final WorkerView worker : workers) {
            table.row(worker.index(), worker.cpu() < 0 ? "any" : worker.cpu(), worker.queues(),
                String.format(Locale.ROOT, "%.0f%%", 100 * worker.busyShare()), units.count(worker.frames()),
                isIdle(worker) ? "-" : String.format(Locale.ROOT, "%.0f", worker.cyclesPerFrame()),
                String.format(Locale.ROOT, "%.1f", worker.framesPerPoll()),
                String.format(Locale.ROOT, "%.1f", worker.longestCycleNanos() / 1e3), worker.stalls());
        }
        table.print(out);
    }

    /** Whether a worker was so idle that its cycles per frame do not reflect the cost of a frame. */
    private static boolean isIdle(final WorkerView worker) {
        return worker.cyclesPerFrame() == 0 || worker.busyShare() < MIN_BUSY_SHARE;
    }

    private static void captures(final List<CaptureView> captures, final PrintWriter out) {
        final Table table = new Table("PORT", "DIRECTION", "SNAPLEN", "FRAMES", "LOST", "SINCE", "FILTER");
        for (final CaptureView capture : captures) {
            table.row(capture.port(), capture.direction(), capture.snaplen(), capture.frames(), capture.lost(),
                capture.since(), capture.filter() == null ? "-" : capture.filter());
        }
        table.print(out);
    }

    private static void mirrors(final List<MirrorView> mirrors, final Units units, final PrintWriter out) {
        final Table table = new Table("MIRROR", "FROM", "DIRECTION", "TO", "FRAMES", "BYTES", "DROPS");
        for (final MirrorView mirror : mirrors) {
            table.row(mirror.name(), mirror.from(), mirror.direction() == null ? "-" : mirror.direction(), mirror.to(),
                units.count(mirror.frames()), units.count(mirror.bytes()),
                units.count(PortTables.sum(mirror.drops())));
        }
        table.print(out);
        mirrors.stream().filter(mirror -> !mirror.drops().isEmpty()).forEach(mirror ->
            PortTables.paragraph(mirror.name() + ": dropped ", PortTables.drops(mirror.drops()), out));
        out.flush();
    }

    private static void config(final ConfigView config, final PrintWriter out) {
        out.println("workers: " + config.workers());
        out.println("cpus: " + config.cpus());
        out.println("poll: " + config.poll());
        if (config.api().socket() != null) {
            out.println("api: " + api(config.api()));
        }
        out.println("fdb: {capacity: " + config.fdb().capacity() + ", ageing: " + config.fdb().ageing() + "}");
        out.println("recorder: {frames: " + config.recorder().frames() + "}");
        out.println("latency: {sample: " + config.latency().sample() + "}");
        if (config.state() != null) {
            out.println("state: " + Json.write(config.state()));
        }
        out.println(config.ports().isEmpty() ? "ports: []" : "ports:");
        config.ports().forEach(port -> out.println("  - " + keys(port)));
        if (!config.mirrors().isEmpty()) {
            out.println("mirrors:");
            config.mirrors().forEach(mirror -> out.println("  - " + keys(mirror)));
        }
        out.flush();
    }

    private static String api(final ConfigView.Api api) {
        return "{socket: " + Json.write(String.valueOf(api.socket())) + named("owner", api.owner())
            + named("group", api.group()) + ", mode: \"" + api.mode() + "\"}";
    }

    private static String named(final String key, final @Nullable String name) {
        return name == null ? "" : ", " + key + ": " + Json.write(name);
    }

    /** Returns a port or a mirror in the syntax of the configuration file. */
    private static String keys(final Map<String, Object> entry) {
        return entry.entrySet().stream()
            .map(key -> key.getKey() + ": "
                + (PortKey.FREE_TEXT.contains(key.getKey()) ? Json.write(key.getValue()) : key.getValue()))
            .collect(Collectors.joining(", ", "{", "}"));
    }
}
