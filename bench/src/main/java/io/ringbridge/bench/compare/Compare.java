package io.ringbridge.bench.compare;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.machine.RoundTrip;
import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.Testpmd;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** Measures this switch, DPDK's own back-end and Open vSwitch with the same load, taking turns, and prints a table. */
@Command(name = "compare", mixinStandardHelpOptions = true, sortOptions = false, showDefaultValues = true,
    description = "Compares the forwarding rate of this switch with DPDK's own back-end and with Open vSwitch, with "
        + "one forwarding core each.")
public final class Compare implements Callable<Integer> {
    private static final int HUGEPAGES = 1000;
    private static final double QUIET = 0.1;
    /** Maximum rounds per trial, to measure every system with the processors near each other. */
    private static final int ROUNDS_PER_TRIAL = 3;

    @Option(names = "--trials", paramLabel = "N", description =
        "Trials of each system with the processors near each other; the best one counts. Trials during which a "
        + "virtual machine's host placed the processors apart are repeated, up to three times as many in all, and "
        + "reported separately.")
    private int trials = 5;

    @Option(names = "--systems", paramLabel = "LIST", split = ",",
        description = "Systems to measure, from ${COMPLETION-CANDIDATES}.")
    private List<Contender> contenders = List.of(Contender.values());

    @Option(names = "--work", paramLabel = "LIST", split = ",",
        description = "Loads, from ${COMPLETION-CANDIDATES}: frames that circulate between two guests; large TCP "
        + "packets from one guest to another; large TCP packets from a guest to the kernel through a tap.")
    private List<Kind> kinds = List.of(Kind.FRAMES);

    @Option(names = "--variants", paramLabel = "LIST", split = ",",
        description = "Kinds of rings, from ${COMPLETION-CANDIDATES}.")
    private List<Variant> variants = List.of(Variant.values());

    @Option(names = "--sizes", paramLabel = "LIST", split = ",",
        description = "Frame sizes in bytes, without the frame check sequence.")
    private List<Integer> sizes = List.of(64, 1500);

    @Option(names = "--bursts", paramLabel = "N", description = "Bursts of 32 frames that circulate in each direction.")
    private int bursts = 32;

    @Option(names = "--warm-up", paramLabel = "SECONDS", description = "Seconds of load before each measurement.")
    private double warmUp = 3;

    @Option(names = "--seconds", paramLabel = "SECONDS", description = "Length of each measurement.")
    private double seconds = 2;

    @Option(names = "--generator-cpu", paramLabel = "N", defaultValue = "-1",
        showDefaultValue = CommandLine.Help.Visibility.NEVER,
        description = "Processor of the load; default: the first that this process may use.")
    private int generatorCpu;

    @Option(names = "--switch-cpu", paramLabel = "N", defaultValue = "-1",
        showDefaultValue = CommandLine.Help.Visibility.NEVER,
        description = "Processor of the forwarding thread; default: the second.")
    private int switchCpu;

    @Option(names = "--json", description = "Print JSON instead of the table.")
    private boolean json;

    @Override
    public Integer call() {
        if (kinds.contains(Kind.FRAMES) && Program.find(Testpmd.PROGRAM).isEmpty()) {
            throw new BenchException("the load needs " + Testpmd.PROGRAM
                + "; install it (Debian: apt-get install dpdk-dev)");
        }
        final List<String> missing = FarEnd.PROGRAMS.stream().filter(name -> Program.find(name).isEmpty()).toList();
        if (kinds.contains(Kind.TAP) && !missing.isEmpty()) {
            throw new BenchException("the load through a tap needs " + String.join(", ", missing) + "; install them");
        }
        final Placement placement = placement();
        final List<Contender> present = present();
        final Report report = new Report(present);
        final RoundTrip roundTrip = new RoundTrip(placement.generatorCpu(), placement.switchCpu());
        for (int round = 1; round <= ROUNDS_PER_TRIAL * trials && report.fewest() < trials; round++) {
            for (final Kind kind : kinds) {
                for (final Contender contender : present.stream().filter(each -> each.does(kind)).toList()) {
                    measure(contender, kind, placement, report, roundTrip, round);
                }
            }
        }
        out().println(json ? report.json(placement) : report.table());
        if (!json) {
            out().println("Million frames per second, both directions together, or Gbit/s for large packets: best "
                + "(worst) of the number of trials; * marks results that other programs disturbed.\n"
                + Machine.processor()
                + ", one processor for the load, one for the switch. Frames lost are totals of all trials, in the "
                + "order of the columns.");
        }
        return report.lost(Contender.RINGBRIDGE) == 0 ? 0 : 1;
    }

    /** Returns the installed systems that support at least one of the loads. */
    private List<Contender> present() {
        final List<Contender> present = new ArrayList<>();
        for (final Contender contender : contenders) {
            if (kinds.stream().noneMatch(contender::does)) {
                continue;
            }
            if (contender.missing().isEmpty()) {
                present.add(contender);
            } else {
                progress(contender.title() + " is skipped, because this machine lacks "
                    + String.join(", ", contender.missing()));
            }
        }
        return present;
    }

    private Placement placement() {
        final List<Integer> cpus = Machine.cpus();
        if (cpus.size() < 2) {
            throw new BenchException("the comparison needs two processors, one for the load and one for the switch; "
                + "this process may use " + cpus.size());
        }
        final double busy = Machine.busyCpus(Duration.ofSeconds(1));
        if (busy > QUIET) {
            progress(String.format("other programs keep %.1f of the %d processors busy: rates will be lower and vary "
                + "between runs", busy, cpus.size()));
        }
        final int free = Machine.reserveHugepages(HUGEPAGES);
        if (free < HUGEPAGES) {
            progress("only " + free + " huge pages of 2 MB are free, and " + HUGEPAGES
                + " are needed (sysctl vm.nr_hugepages=" + HUGEPAGES
                + "): the load and the DPDK programs use small pages, and all rates are lower");
        }
        return new Placement(generatorCpu < 0 ? cpus.get(0) : generatorCpu, switchCpu < 0 ? cpus.get(1) : switchCpu,
            free >= HUGEPAGES);
    }

    private void measure(final Contender contender, final Kind kind, final Placement placement, final Report report,
        final RoundTrip roundTrip, final int round) {
        try (Contender.Running running = contender.start(placement, kind)) {
            for (final Variant variant : variants) {
                if (kind != Kind.FRAMES) {
                    try (BulkRig rig = new BulkRig(running, variant, placement, roundTrip)) {
                        final Measurement measurement = rig.measure(duration(warmUp), duration(seconds));
                        record(contender, new Report.Work(kind, variant, 0), measurement, report, round);
                    }
                    continue;
                }
                try (LoopRig rig = new LoopRig(running, variant, placement, roundTrip)) {
                    for (final int size : sizes) {
                        final Measurement measurement = rig.measure(size, bursts, duration(warmUp), duration(seconds));
                        record(contender, new Report.Work(kind, variant, size), measurement, report, round);
                    }
                }
            }
        }
    }

    private static void record(final Contender contender, final Report.Work work, final Measurement measurement,
        final Report report, final int round) {
        report.add(work, contender, measurement);
        progress(String.format("round %d, %s, %s: %s", round, contender.title(), work.title(),
            measurement.text(work.kind())));
    }

    private static Duration duration(final double seconds) {
        return Duration.ofMillis(Math.round(seconds * 1000));
    }

    @SuppressWarnings("SystemOut")
    private static PrintStream out() {
        return System.out;
    }

    /** Prints to standard error, so that the result on standard output can be redirected. */
    private static void progress(final String line) {
        System.err.println(line);
    }
}
