package io.ringbridge.bench.compare;

import io.ringbridge.bench.harness.HarnessException;
import io.ringbridge.bench.harness.Machine;
import io.ringbridge.bench.harness.Program;
import io.ringbridge.bench.harness.RoundTrip;
import io.ringbridge.bench.harness.Testpmd;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures this switch, DPDK's own back-end and Open vSwitch with the same load, in turns, and prints a table. */
@Command(name = "compare", mixinStandardHelpOptions = true, sortOptions = false, showDefaultValues = true,
    description = "Compares the rate of this switch with DPDK's own back-end and with Open vSwitch, one forwarding core each.")
public final class Compare implements Callable<Integer> {
    private static final int HUGEPAGES = 1000;
    private static final double QUIET = 0.1;
    /** Rounds a trial may take until each system was measured with the processors near each other. */
    private static final int ROUNDS = 3;

    @Option(names = "--trials", paramLabel = "N", description =
        "how often each is measured with the processors near each other; the best "
        + "counts. A trial in which the host of a virtual machine had them apart is repeated, three times as many in all, and told beside")
    private int trials = 5;

    @Option(names = "--systems", paramLabel = "LIST", split = ",",
        description = "what to measure, of ${COMPLETION-CANDIDATES}")
    private List<Contender> contenders = List.of(Contender.values());

    @Option(names = "--work", paramLabel = "LIST", split = ",",
        description = "what is done, of ${COMPLETION-CANDIDATES}: frames that go round between two "
        + "guests; large TCP packets from one guest to another; the same to the kernel through a tap")
    private List<Kind> kinds = List.of(Kind.FRAMES);

    @Option(names = "--variants", paramLabel = "LIST", split = ",",
        description = "kinds of rings, of ${COMPLETION-CANDIDATES}")
    private List<Variant> variants = List.of(Variant.values());

    @Option(names = "--sizes", paramLabel = "LIST", split = ",",
        description = "frame sizes in bytes, without the check sequence")
    private List<Integer> sizes = List.of(64, 1500);

    @Option(names = "--bursts", paramLabel = "N", description = "bursts of 32 frames that go round in each direction")
    private int bursts = 32;

    @Option(names = "--warm-up", paramLabel = "SECONDS", description = "seconds before each measurement")
    private double warmUp = 3;

    @Option(names = "--seconds", paramLabel = "SECONDS", description = "seconds of each measurement")
    private double seconds = 2;

    @Option(names = "--generator-cpu", paramLabel = "N", defaultValue = "-1",
        showDefaultValue = CommandLine.Help.Visibility.NEVER,
        description = "processor of the load; default: the first that may be used")
    private int generatorCpu;

    @Option(names = "--switch-cpu", paramLabel = "N", defaultValue = "-1",
        showDefaultValue = CommandLine.Help.Visibility.NEVER,
        description = "processor of the forwarding thread; default: the second")
    private int switchCpu;

    @Option(names = "--json", description = "print JSON in place of the table")
    private boolean json;

    @Override
    public Integer call() {
        if (kinds.contains(Kind.FRAMES) && Program.find(Testpmd.PROGRAM).isEmpty()) {
            throw new HarnessException("the load needs " + Testpmd.PROGRAM + ", which is not installed (Debian: apt-get install dpdk-dev)");
        }
        final List<String> missing = FarEnd.PROGRAMS.stream().filter(name -> Program.find(name).isEmpty()).toList();
        if (kinds.contains(Kind.TAP) && !missing.isEmpty()) {
            throw new HarnessException("a tap needs " + String.join(", ", missing) + ", which is not installed");
        }
        final Placement placement = placement();
        final List<Contender> present = present();
        final Report report = new Report(present);
        final RoundTrip roundTrip = new RoundTrip(placement.generatorCpu(), placement.switchCpu());
        for (int round = 1; round <= ROUNDS * trials && report.fewest() < trials; round++) {
            for (final Kind kind : kinds) {
                for (final Contender contender : present.stream().filter(each -> each.does(kind)).toList()) {
                    measure(contender, kind, placement, report, roundTrip, round);
                }
            }
        }
        out().println(json ? report.json(placement) : report.table());
        if (!json) {
            out().println("Million frames a second, both directions together; of large packets, Gbit/s: best (worst) and number of "
                + "trials, * if other programs ran beside the best.\n" + Machine.processor()
                + ", one processor for the load, one for the switch. Frames lost in all trials: in the order of the columns.");
        }
        return report.lost(Contender.RINGBRIDGE) == 0 ? 0 : 1;
    }

    /** What is there of the systems that do any of the work. */
    private List<Contender> present() {
        final List<Contender> present = new ArrayList<>();
        for (final Contender contender : contenders) {
            if (kinds.stream().noneMatch(contender::does)) {
                continue;
            }
            if (contender.missing().isEmpty()) {
                present.add(contender);
            } else {
                progress(contender.title() + " is left out, because this machine has no " + String.join(", no ", contender.missing()));
            }
        }
        return present;
    }

    private Placement placement() {
        final List<Integer> cpus = Machine.cpus();
        if (cpus.size() < 2) {
            throw new HarnessException("this takes two processors, one for the load and one for the switch, and there is " + cpus.size());
        }
        final double busy = Machine.busyCpus(Duration.ofSeconds(1));
        if (busy > QUIET) {
            progress(String.format("other programs keep %.1f of the %d processors busy: rates will be lower, and no two runs the same",
                busy, cpus.size()));
        }
        final int free = Machine.reserveHugepages(HUGEPAGES);
        if (free < HUGEPAGES) {
            progress("only " + free + " hugepages of 2 MB are free and " + HUGEPAGES + " are needed (sysctl vm.nr_hugepages=" + HUGEPAGES
                + "): the load and the DPDK programs use ordinary memory, and all rates are lower");
        }
        return new Placement(generatorCpu < 0 ? cpus.get(0) : generatorCpu, switchCpu < 0 ? cpus.get(1) : switchCpu, free >= HUGEPAGES);
    }

    private void measure(final Contender contender, final Kind kind, final Placement placement, final Report report,
        final RoundTrip roundTrip, final int round) {
        try (Contender.Running running = contender.start(placement, kind)) {
            for (final Variant variant : variants) {
                if (kind != Kind.FRAMES) {
                    try (BulkRig rig = new BulkRig(running, variant, placement, roundTrip)) {
                        final Measurement measurement = rig.measure(duration(warmUp), duration(seconds));
                        note(contender, new Report.Work(kind, variant, 0), measurement, report, round);
                    }
                    continue;
                }
                try (LoopRig rig = new LoopRig(running, variant, placement, roundTrip)) {
                    for (final int size : sizes) {
                        final Measurement measurement = rig.measure(size, bursts, duration(warmUp), duration(seconds));
                        note(contender, new Report.Work(kind, variant, size), measurement, report, round);
                    }
                }
            }
        }
    }

    private static void note(final Contender contender, final Report.Work work, final Measurement measurement, final Report report,
        final int round) {
        report.add(work, contender, measurement);
        progress(String.format("round %d, %s, %s: %s", round, contender.title(), work.title(), measurement.text(work.kind())));
    }

    private static Duration duration(final double seconds) {
        return Duration.ofMillis(Math.round(seconds * 1000));
    }

    @SuppressWarnings("SystemOut")
    private static PrintStream out() {
        return System.out;
    }

    /** Beside the result, so that the result can be redirected. */
    private static void progress(final String line) {
        System.err.println(line);
    }
}
