package io.ringbridge.bench.compare;

import io.ringbridge.bench.backend.Backend;
import io.ringbridge.bench.load.FrameMix;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.options.Check;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.Testpmd;
import io.ringbridge.bench.trial.Environment;
import io.ringbridge.bench.trial.Probe;
import io.ringbridge.bench.trial.Watch;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.ThreadTuning;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

/** Measures this switch, DPDK's own back-end and Open vSwitch with the same load, taking turns, and compares them. */
@Command(name = "compare", mixinStandardHelpOptions = true, sortOptions = false,
    description = "Compares the forwarding rate of this switch with DPDK's own back-end and with Open vSwitch, with "
        + "one forwarding core each. Results are medians of undisturbed trials, grouped by the state of the machine, "
        + "with the share of the rate of a processor that only copies the frames.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge bench compare --trials 7 --plot compare.svg",
        "  ringbridge bench compare --systems ringbridge,ovs --sizes 64",
        "  ringbridge bench compare --latency --plot latency.svg",
        "",
        "Exit status: 0 done, 1 failed or this switch lost frames,",
        "2 wrong usage, 3 done, but with too few undisturbed trials."})
public final class Compare implements Callable<Integer> {
    private static final int HUGEPAGES = 1000;
    private static final double QUIET = 0.1;
    private static final int MAX_TRIALS = 1000;
    private static final int MAX_BURSTS = 32;
    private static final double SHORTEST_TRIAL = 0.1;
    /** Maximum rounds per trial, to measure every system in the same state of the machine. */
    private static final int ROUNDS_PER_TRIAL = 3;

    @Spec
    private CommandSpec spec;

    @Option(names = "--trials", paramLabel = "N", defaultValue = "5", description =
        "Undisturbed trials of each system that are needed in one state of the machine, 1 to 1000; default: "
        + "${DEFAULT-VALUE}. Up to three times as many are made.")
    private int trials;

    @Option(names = "--systems", paramLabel = "LIST", split = ",", defaultValue = "RINGBRIDGE,PIPE,OVS,OVS_INTERNAL",
        description = "Systems to measure, from ringbridge, pipe, ovs and ovs_internal; default: all.")
    private List<Contender> contenders;

    @Option(names = "--work", paramLabel = "LIST", split = ",", defaultValue = "FRAMES",
        description = "Loads, from frames, tso and tap: frames that circulate between two guests; large TCP "
        + "packets from one guest to another; large TCP packets from a guest to the kernel through a tap; default: "
        + "frames.")
    private List<Kind> kinds;

    @Option(names = "--variants", paramLabel = "LIST", split = ",", defaultValue = "SPLIT,SPLIT_IN_ORDER,PACKED",
        description = "Kinds of rings, from split, split_in_order and packed; default: all.")
    private List<Variant> variants;

    @Option(names = "--sizes", paramLabel = "LIST", split = ",", defaultValue = "64,1500",
        description = "Frame sizes in bytes, without the frame check sequence, 64 to 1514; default: "
        + "${DEFAULT-VALUE}.")
    private List<Integer> sizes;

    @Option(names = "--bursts", paramLabel = "N", defaultValue = "32",
        description = "Bursts of 32 frames that circulate in each direction, 1 to 32; default: ${DEFAULT-VALUE}.")
    private int bursts;

    @Option(names = "--warm-up", paramLabel = "N", defaultValue = "3",
        description = "Seconds of load before each trial; default: ${DEFAULT-VALUE}.")
    private double warmUp;

    @Option(names = "--seconds", paramLabel = "N", defaultValue = "2",
        description = "Length of each trial in seconds, 0.1 to 3600; default: ${DEFAULT-VALUE}.")
    private double seconds;

    @Option(names = "--generator-cpu", paramLabel = "N",
        description = "Processor of the load; default: the first that this process may use.")
    private @Nullable Integer generatorCpu;

    @Option(names = "--switch-cpu", paramLabel = "N",
        description = "Processor of the forwarding thread; default: the second.")
    private @Nullable Integer switchCpu;

    @Option(names = "--latency", description = "Compare latencies instead of rates, as \"bench latency\" measures "
        + "them: to guests that poll, with the first of --variants and --sizes. --work and --bursts do not apply.")
    private boolean latency;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Option(names = "--csv", paramLabel = "FILE", description = "Write one row per trial to FILE.")
    private @Nullable Path csv;

    @Option(names = "--plot", paramLabel = "FILE",
        description = "Draw the results as bars; FILE ends in .svg or .png.")
    private @Nullable Path plot;

    @Override
    public Integer call() {
        final Check check = new Check(spec);
        check(check);
        if (latency) {
            return compareLatencies();
        }
        requirePrograms();
        final Output output = new Output(spec);
        final Placement placement = placement(check, output);
        final List<Contender> present = present(output);
        final Environment environment = Environment.of(spec);
        final Report report = new Report(present, trials);
        final Probe probe = new Probe(placement.generatorCpu(), placement.switchCpu());
        try (Limits limits = new Limits(placement, kinds, sizes)) {
            output.progress("%s", limits.text(probe.sample()));
            for (int round = 1; round <= ROUNDS_PER_TRIAL * trials && !report.isComplete(); round++) {
                for (final Kind kind : kinds) {
                    for (final Contender contender : present.stream().filter(each -> each.does(kind)).toList()) {
                        limits.measure();
                        measure(contender, kind, placement, new Recorder(report, limits, probe, output, round));
                    }
                }
            }
        }
        final ReportFiles files = new ReportFiles(report, environment);
        output.out().println(json ? files.json(placement) : new ReportText(report).text(environment));
        output.out().flush();
        if (csv != null) {
            files.csv().write(csv);
        }
        if (plot != null) {
            files.plot().write("--plot", plot);
        }
        return report.lost(Contender.RINGBRIDGE) > 0 ? CommandLine.ExitCode.SOFTWARE
            : report.isComplete() ? CommandLine.ExitCode.OK : Output.TOO_FEW_TRIALS;
    }

    /** Runs {@code bench latency} with the installed systems as its back-ends. */
    private int compareLatencies() {
        final Placement placement = placement(new Check(spec), new Output(spec));
        final List<String> arguments = new ArrayList<>(List.of("--backend", present(new Output(spec)).stream()
            .map(Contender::backend).filter(Objects::nonNull).map(Backend::key).collect(Collectors.joining(",")),
            "--poll", "busy", "--size", sizes.getFirst().toString(), "--trials", Integer.toString(trials),
            "--seconds", Double.toString(seconds), "--warm-up", Double.toString(warmUp),
            "--cpus", Integer.toString(placement.generatorCpu()),
            "--switch-cpus", Integer.toString(placement.switchCpu())));
        arguments.addAll(variants.getFirst().latencyOptions());
        if (json) {
            arguments.add("--json");
        }
        if (csv != null) {
            arguments.addAll(List.of("--csv", csv.toString()));
        }
        if (plot != null) {
            arguments.addAll(List.of("--plot", plot.toString()));
        }
        return sibling("latency").execute(arguments.toArray(String[]::new));
    }

    /** Returns another command of {@code bench}, which reports its errors in the same way. */
    private CommandLine sibling(final String name) {
        final CommandLine root = spec.root().commandLine();
        final CommandLine found = root.getSubcommands().get(name);
        assert found != null : "the root has this command";
        return found;
    }

    private void check(final Check check) {
        check.number("--trials", trials, 1, MAX_TRIALS);
        check.number("--bursts", bursts, 1, MAX_BURSTS);
        sizes.forEach(size -> check.number("--sizes", size, FrameMix.SHORTEST, LoopRig.LONGEST));
        check.seconds("--seconds", seconds, SHORTEST_TRIAL);
        check.seconds("--warm-up", warmUp, 0);
        check.file("--csv", csv);
        check.plot("--plot", plot);
        check("--generator-cpu", generatorCpu, check);
        check("--switch-cpu", switchCpu, check);
    }

    private static void check(final String option, final @Nullable Integer cpu, final Check check) {
        try {
            if (cpu != null) {
                ThreadTuning.check(cpu);
            }
        } catch (final OsException e) {
            throw check.refuse(option + " " + cpu + ": " + e.getMessage() + "; this process may use " + Machine.cpus());
        }
    }

    private void requirePrograms() {
        if (kinds.contains(Kind.FRAMES) && Program.find(Testpmd.PROGRAM).isEmpty()) {
            throw new BenchException("the load needs " + Testpmd.PROGRAM
                + "; install it (Debian: apt-get install dpdk-dev)");
        }
        final List<String> missing = FarEnd.PROGRAMS.stream().filter(name -> Program.find(name).isEmpty()).toList();
        if (kinds.contains(Kind.TAP) && !missing.isEmpty()) {
            throw new BenchException("the load through a tap needs " + String.join(", ", missing) + "; install them");
        }
    }

    /** Returns the installed systems that support at least one of the loads. */
    private List<Contender> present(final Output output) {
        final List<Contender> present = new ArrayList<>();
        for (final Contender contender : contenders) {
            if (kinds.stream().noneMatch(contender::does)) {
                continue;
            }
            if (contender.missing().isEmpty()) {
                present.add(contender);
            } else {
                output.progress("%s is skipped, because this machine lacks %s", contender.title(),
                    String.join(", ", contender.missing()));
            }
        }
        return present;
    }

    private Placement placement(final Check check, final Output output) {
        final List<Integer> cpus = Machine.cpus();
        if (cpus.size() < 2) {
            throw new BenchException("the comparison needs two processors, one for the load and one for the switch; "
                + "this process may use " + cpus.size());
        }
        final int load = generatorCpu == null ? cpus.get(0) : generatorCpu;
        final int forwarding = switchCpu == null ? cpus.get(1) : switchCpu;
        if (load == forwarding) {
            throw check.refuse("the load and the forwarding thread are both on processor " + load
                + "; --generator-cpu and --switch-cpu must differ");
        }
        final double busy = Machine.busyCpus(Duration.ofSeconds(1));
        if (busy > QUIET) {
            output.progress("other programs keep %.1f of the %d processors busy: rates will be lower and vary between "
                + "trials", busy, cpus.size());
        }
        final int free = Machine.reserveHugepages(HUGEPAGES);
        if (free < HUGEPAGES) {
            output.progress("only %d huge pages of 2 MB are free, and %d are needed (sysctl vm.nr_hugepages=%d): the "
                + "load and the DPDK programs use small pages, and all rates are lower", free, HUGEPAGES, HUGEPAGES);
        }
        return new Placement(load, forwarding, free >= HUGEPAGES);
    }

    private void measure(final Contender contender, final Kind kind, final Placement placement,
        final Recorder recorder) {
        try (Contender.Running running = contender.start(placement, kind)) {
            for (final Variant variant : variants) {
                if (kind != Kind.FRAMES) {
                    try (BulkRig rig = new BulkRig(running, variant, placement)) {
                        final Watch watch = recorder.watch(placement, running.pid(), ProcessHandle.current().pid());
                        recorder.record(contender, new Work(kind, variant, 0),
                            rig.measure(duration(warmUp), duration(seconds), watch));
                    }
                    continue;
                }
                try (LoopRig rig = new LoopRig(running, variant, placement)) {
                    for (final int size : sizes) {
                        final Watch watch = recorder.watch(placement, running.pid(), rig.pid());
                        recorder.record(contender, new Work(kind, variant, size),
                            rig.measure(size, bursts, duration(warmUp), duration(seconds), watch));
                    }
                }
            }
        }
    }

    /** Records the trials of one round. */
    private record Recorder(Report report, Limits limits, Probe probe, Output output, int round) {
        Watch watch(final Placement placement, final long... processes) {
            return new Watch(probe, List.of(placement.generatorCpu(), placement.switchCpu()),
                Arrays.stream(processes).boxed().toList());
        }

        void record(final Contender contender, final Work work, final Measurement measurement) {
            report.add(new Trial(Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(), round, work, contender,
                measurement, limits.of(work)));
            output.progress("round %d, %s, %s: %s", round, contender.title(), work.title(),
                measurement.text(work.kind()));
        }
    }

    private static Duration duration(final double seconds) {
        return Duration.ofMillis(Math.round(seconds * 1000));
    }
}
