package io.ringbridge.bench.options;

import io.ringbridge.bench.backend.Backend;
import io.ringbridge.bench.backend.RingSpec;
import io.ringbridge.bench.backend.Target;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.trial.Probe;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.datapath.ring.RingConfig;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** The options for the measured back-end, the rings, and the processors. */
public final class TargetOptions {
    private static final int MAX_PORTS = 64;
    private static final int MAX_PAIRS = 128;
    private static final int MIN_RING = 64;
    private static final int MAX_RING = RingConfig.MAX_SIZE;
    private static final int MAX_SWITCH_CPUS = 64;

    /** The layouts of a ring. */
    public enum Layout { SPLIT, PACKED }

    /** The polling modes of idle workers of this switch. */
    public enum Poll { BUSY, ADAPTIVE }

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(names = "--target", paramLabel = "SOCKET", description = "A port of the back-end to measure: DPDK's, Open "
        + "vSwitch's, VPP's or any other. Give it once per port. Without it, the command starts this switch and "
        + "measures it.")
    private List<Path> targets = new ArrayList<>();

    @Option(names = "--backend", paramLabel = "LIST", split = ",", description = "Back-ends that the command starts "
        + "itself: ringbridge, testpmd (DPDK's net_vhost between two ports) or ovs (Open vSwitch with DPDK); several "
        + "take turns. Default: ringbridge.")
    private List<Backend> backends = List.of();

    @Option(names = "--name", paramLabel = "TEXT", description = "The name of the back-end in the result and in plots.")
    private @Nullable String name;

    @Option(names = "--listen", description = "The back-end connects to these sockets, as Open vSwitch's "
        + "dpdkvhostuserclient ports do.")
    private boolean listens;

    @Option(names = "--ports", paramLabel = "N", defaultValue = "0",
        description = "Number of ports of the back-end, 2 to 64; by default the fewest that the command needs.")
    private int ports;

    @Option(names = "--rings", paramLabel = "split|packed", defaultValue = "SPLIT",
        description = "Layout of the rings; default: split.")
    private Layout layout;

    @Option(names = "--in-order", description = "Negotiate IN_ORDER.")
    private boolean inOrder;

    @Option(names = "--mergeable", negatable = true, defaultValue = "true", fallbackValue = "true",
        description = "Negotiate MRG_RXBUF, or do not; it is negotiated by default.")
    private boolean mergeable;

    @Option(names = "--pairs", paramLabel = "N", defaultValue = "1",
        description = "Queue pairs per port, 1 to 128; default: 1.")
    private int pairs;

    @Option(names = "--ring-size", paramLabel = "N", defaultValue = "256",
        description = "Entries per transmit ring, a power of two, 64 to 32768; default: ${DEFAULT-VALUE}. Receive "
            + "rings have twice as many, up to 32768, so that no frame is lost because a receive ring is full.")
    private int ringSize;

    @Option(names = "--cpus", paramLabel = "LIST",
        description = "Processors of the threads that send and receive, one per thread, such as 0,2-3.")
    private @Nullable String cpus;

    @Option(names = "--switch-cpus", paramLabel = "LIST", description = "Processors of the back-end's forwarding "
        + "threads, one per thread; default: one thread on the last processor that the load does not use. testpmd and "
        + "ovs have one.")
    private @Nullable String switchCpus;

    @Option(names = "--switch-poll", paramLabel = "busy|adaptive",
        description = "Polling mode of idle workers of this switch; default: busy, or adaptive on one processor.")
    private @Nullable Poll poll;

    private int longestFrame;
    private List<Integer> loadCpus = List.of();
    private List<Integer> workerCpus = List.of();

    /**
     * Checks the options before anything is started.
     *
     * @param maxBackends the number of back-ends that the command can measure
     * @param longest bytes of the longest frame that the command sends
     */
    public void check(final int minPorts, final int maxBackends, final int longest) {
        final Check check = new Check(spec);
        longestFrame = longest;
        check.number("--pairs", pairs, 1, MAX_PAIRS);
        check.number("--ring-size", ringSize, MIN_RING, MAX_RING);
        if (Integer.bitCount(ringSize) != 1) {
            throw check.refuse("--ring-size " + ringSize + " is not a power of two, " + MIN_RING + " to " + MAX_RING);
        }
        if (targets.isEmpty()) {
            ports = ports == 0 ? minPorts : check.number("--ports", ports, minPorts, MAX_PORTS);
            if (listens) {
                throw check.refuse("--listen needs --target");
            }
        } else {
            checkTargets(check, minPorts);
        }
        placeThreads(check);
        checkBackends(check, maxBackends);
    }

    private void checkBackends(final Check check, final int maxBackends) {
        if (!targets.isEmpty()) {
            return;
        }
        if (backends.isEmpty()) {
            backends = List.of(Backend.RINGBRIDGE);
        }
        if (backends.size() > maxBackends || backends.stream().distinct().count() < backends.size()) {
            throw check.refuse("--backend names " + backends.size() + " back-ends; " + (maxBackends == 1
                ? "this command measures one" : "at most " + maxBackends + " different ones are allowed"));
        }
        if (name != null && backends.size() > 1) {
            throw check.refuse("--name applies to one back-end; --backend names " + backends.size());
        }
        for (final Backend backend : backends) {
            final String refused = backend.refuses(plan());
            if (refused != null) {
                throw check.refuse("--backend " + backend.key() + " " + refused);
            }
            if (backend != Backend.RINGBRIDGE && workerCpus.size() > 1) {
                throw check.refuse("--backend " + backend.key() + " has one forwarding thread; --switch-cpus names "
                    + workerCpus.size() + " processors");
            }
        }
    }

    /** Checks that the programs of all back-ends are installed. */
    public void requirePrograms() {
        for (final Backend backend : targets.isEmpty() ? backends : List.<Backend>of()) {
            if (!backend.missing().isEmpty()) {
                throw new BenchException("--backend " + backend.key() + " needs "
                    + String.join(", ", backend.missing()) + "; install them");
            }
        }
    }

    private Backend.Plan plan() {
        final Poll mode = poll == null ? Machine.cpus().size() > 1 ? Poll.BUSY : Poll.ADAPTIVE : poll;
        return new Backend.Plan(ports, pairs, mode.name().toLowerCase(Locale.ROOT), workerCpus,
            loadCpus.isEmpty() ? Machine.cpus().getFirst() : loadCpus.getFirst(), longestFrame);
    }

    private void checkTargets(final Check check, final int minPorts) {
        if (ports != 0 || switchCpus != null || poll != null || !backends.isEmpty()) {
            throw check.refuse("--backend, --ports, --switch-cpus and --switch-poll apply to back-ends that this "
                + "command starts; they cannot be combined with --target");
        }
        if (targets.size() < minPorts || targets.size() > MAX_PORTS) {
            throw check.refuse("--target names " + targets.size() + " ports; " + minPorts + " to " + MAX_PORTS
                + " are required");
        }
        if (targets.stream().map(target -> target.toAbsolutePath().normalize()).distinct().count() < targets.size()) {
            throw check.refuse("--target: a socket is named twice; every port needs its own");
        }
    }

    /** Places the load on the first processors and the switch on the last, if there are at least two. */
    private void placeThreads(final Check check) {
        final List<Integer> allowed = Machine.cpus();
        final boolean own = targets.isEmpty();
        if (cpus != null) {
            loadCpus = parse(check, "--cpus", cpus, allowed);
        } else if (own && allowed.size() > 1) {
            loadCpus = allowed.subList(0, Math.min(2, allowed.size() - 1));
        }
        if (switchCpus != null) {
            workerCpus = parse(check, "--switch-cpus", switchCpus, allowed);
            check.number("--switch-cpus: the count", workerCpus.size(), 1, MAX_SWITCH_CPUS);
        } else if (own) {
            workerCpus = allowed.reversed().stream().filter(cpu -> allowed.size() > 1 && !loadCpus.contains(cpu))
                .limit(1).toList();
        }
    }

    private static List<Integer> parse(final Check check, final String option, final String text,
        final List<Integer> allowed) {
        final List<Integer> parsed = ConfigReader.parseCpus(option, text);
        for (final int cpu : parsed) {
            try {
                ThreadTuning.check(cpu);
            } catch (final OsException e) {
                throw check.refuse(option + " " + text + ": " + e.getMessage() + "; this process may use " + allowed);
            }
        }
        return parsed;
    }

    /** Returns the number of back-ends. Requires an earlier {@link #check}. */
    public int backends() {
        return Math.max(1, backends.size());
    }

    /** Returns the back-end that {@code --target} names, or starts one of those of {@code --backend}. */
    public Target open(final int index) {
        return targets.isEmpty() ? backends.get(index).start(plan()) : Target.of(targets, listens);
    }

    /** Returns the number of ports. Requires an earlier {@link #check}. */
    public int ports() {
        return targets.isEmpty() ? ports : targets.size();
    }

    /** Returns the features and sizes of the guests' rings. */
    public RingSpec rings() {
        return new RingSpec(layout == Layout.PACKED, inOrder, mergeable, pairs, ringSize);
    }

    /** Returns the processors of the threads that send and receive; empty for one thread that is not pinned. */
    public List<Integer> cpus() {
        return loadCpus;
    }

    /** Returns the processors that a trial uses: those of the load and of the back-end, or all if they are unknown. */
    public List<Integer> usedCpus() {
        return loadCpus.isEmpty() || workerCpus.isEmpty() ? Machine.cpus()
            : Stream.concat(loadCpus.stream(), workerCpus.stream()).distinct().toList();
    }

    /** Prepares to measure the first processor of the load, and that of the back-end or the last other one. */
    public Probe probe() {
        final List<Integer> allowed = Machine.cpus();
        final int load = loadCpus.isEmpty() ? allowed.getFirst() : loadCpus.getFirst();
        final int other = workerCpus.isEmpty() ? allowed.reversed().stream().filter(cpu -> cpu != load).findFirst()
            .orElse(load) : workerCpus.getFirst();
        return new Probe(load, other);
    }

    /**
     * Returns the conditions of the measurement, for the result.
     *
     * @param hugePages whether the guests' memory is in huge pages
     */
    public Setup setup(final Target target, final boolean hugePages) {
        final RingSpec rings = rings();
        return new Setup(name == null ? target.title() : name, target.ports(), rings.layout(), rings.inOrder(),
            rings.mergeable(), rings.pairs(), rings.size(), hugePages, Machine.processor(), loadCpus, workerCpus);
    }
}
