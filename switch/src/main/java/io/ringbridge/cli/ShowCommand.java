package io.ringbridge.cli;

import com.fasterxml.jackson.core.type.TypeReference;
import io.ringbridge.api.ApiClient;
import io.ringbridge.api.ConfigView;
import io.ringbridge.api.Json;
import io.ringbridge.api.PortView;
import io.ringbridge.api.QueueView;
import io.ringbridge.api.StationView;
import io.ringbridge.api.WorkerView;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a running switch is doing. */
@Command(name = "show", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Shows what a running switch is made of and what goes through it. In and out are into and out of the switch.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge show ports",
        "  ringbridge show ports --json | jq '.[] | select(.state == \"running\") | .name'",
        "  ringbridge show fdb --api /tmp/api.sock"})
final class ShowCommand implements Callable<Integer> {
    private static final Set<String> FREE_TEXT = Set.of("socket", "device", "master", "interface", "read", "write");

    /** What there is to see. */
    enum What { PORTS, QUEUES, FDB, WORKERS, CONFIG;
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Parameters(paramLabel = "WHAT", description = "One of ${COMPLETION-CANDIDATES}.")
    private What what;

    @Option(names = "--json", description = "Print JSON, for programs.")
    private boolean json;

    @Mixin
    private ApiOption api;

    @Override
    public Integer call() {
        final String answer;
        try (ApiClient client = api.client()) {
            answer = client.get("/" + what);
        }
        final PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(answer);
            out.flush();
        } else {
            print(answer, out);
        }
        return CommandLine.ExitCode.OK;
    }

    private void print(final String answer, final PrintWriter out) {
        switch (what) {
            case PORTS -> ports(Json.readList(answer, new TypeReference<>() { }), out);
            case QUEUES -> queues(Json.readList(answer, new TypeReference<>() { }), out);
            case FDB -> stations(Json.readList(answer, new TypeReference<>() { }), out);
            case WORKERS -> workers(Json.readList(answer, new TypeReference<>() { }), out);
            default -> config(Json.read(answer, ConfigView.class), out);
        }
    }

    private static void ports(final List<PortView> ports, final PrintWriter out) {
        final Table table = new Table("PORT", "STATE", "QUEUES", "MTU", "VLAN", "IN-FRAMES", "IN-BYTES", "OUT-FRAMES", "OUT-BYTES",
            "DROPS", "SOCKET, DEVICE OR FILE");
        for (final PortView port : ports) {
            table.row(port.name(), port.state(), port.queues(), port.mtu(), vlan(port), port.inFrames(), port.inBytes(),
                port.outFrames(), port.outBytes(), drops(port.drops()), where(port));
        }
        table.print(out);
        ports.stream().filter(port -> port.why() != null)
            .forEach(port -> out.println(port.name() + " is " + port.state() + " since " + port.since() + ": " + port.why()));
        out.flush();
    }

    private static String vlan(final PortView port) {
        final String untagged = port.vlan() == null ? "" : port.vlan().toString();
        return port.trunk() == null ? untagged.isEmpty() ? "-" : untagged
            : "trunk " + String.join(",", port.trunk()) + (untagged.isEmpty() ? "" : " native " + untagged);
    }

    private static String where(final PortView port) {
        return Stream.of(port.socket(), port.device(), port.read(), port.write()).filter(Objects::nonNull)
            .collect(Collectors.joining(", "));
    }

    private static void queues(final List<QueueView> queues, final PrintWriter out) {
        final Table table = new Table("PORT", "QUEUE", "KIND", "WORKER", "STATE", "LAYOUT", "SIZE", "IN-FRAMES", "OUT-FRAMES", "DROPS");
        final List<QueueView> started = queues.stream().filter(QueueView::started).toList();
        for (final QueueView queue : started) {
            table.row(queue.port(), queue.index(), queue.kind(), queue.worker(), queue.enabled() ? "enabled" : "disabled", queue.layout(),
                queue.size(), queue.inFrames(), queue.outFrames(), drops(queue.drops()));
        }
        table.print(out);
        if (started.size() < queues.size()) {
            out.println("and " + (queues.size() - started.size()) + " that are not started");
            out.flush();
        }
    }

    private static void stations(final List<StationView> stations, final PrintWriter out) {
        final Table table = new Table("MAC", "VLAN", "PORT", "AGE");
        for (final StationView station : stations) {
            table.row(station.mac(), station.vlan(), station.port(), station.isStatic() ? "static" : station.ageSeconds() + " s");
        }
        table.print(out);
    }

    private static void workers(final List<WorkerView> workers, final PrintWriter out) {
        final Table table = new Table("WORKER", "CPU", "QUEUES", "BUSY", "FRAMES", "CYCLES/FRAME", "FRAMES/POLL", "LONGEST-US", "STALLS");
        for (final WorkerView worker : workers) {
            table.row(worker.index(), worker.cpu() < 0 ? "any" : worker.cpu(), worker.queues(),
                String.format(Locale.ROOT, "%.0f%%", 100 * worker.busyShare()), worker.frames(),
                worker.cyclesPerFrame() == 0 ? "-" : String.format(Locale.ROOT, "%.0f", worker.cyclesPerFrame()),
                String.format(Locale.ROOT, "%.1f", worker.framesPerPoll()),
                String.format(Locale.ROOT, "%.1f", worker.longestCycleNanos() / 1e3), worker.stalls());
        }
        table.print(out);
    }

    private static void config(final ConfigView config, final PrintWriter out) {
        out.println("workers: " + config.workers());
        out.println("cpus: " + config.cpus());
        out.println("poll: " + config.poll());
        if (config.api().socket() != null) {
            out.println("api: {socket: " + Json.write(config.api().socket()) + "}");
        }
        out.println("fdb: {capacity: " + config.fdb().capacity() + ", ageing: " + config.fdb().ageing() + "}");
        if (config.state() != null) {
            out.println("state: " + Json.write(config.state()));
        }
        out.println(config.ports().isEmpty() ? "ports: []" : "ports:");
        config.ports().forEach(port -> out.println("  - " + keys(port)));
        out.flush();
    }

    /** A port as the configuration file has it. */
    private static String keys(final Map<String, Object> port) {
        return port.entrySet().stream()
            .map(key -> key.getKey() + ": " + (FREE_TEXT.contains(key.getKey()) ? Json.write(key.getValue()) : key.getValue()))
            .collect(Collectors.joining(", ", "{", "}"));
    }

    private static String drops(final Map<String, Long> drops) {
        return drops.isEmpty() ? "0" : drops.entrySet().stream().map(drop -> drop.getKey() + " " + drop.getValue())
            .collect(Collectors.joining(", "));
    }
}
