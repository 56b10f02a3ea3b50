package io.ringbridge.bench.backend;

import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.peer.OpenVswitch;
import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.Testpmd;
import org.jspecify.annotations.Nullable;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A back-end that the measurement starts and ends itself. */
public enum Backend {
    /** This switch, as a user starts it. */
    RINGBRIDGE {
        @Override
        public List<String> missing() {
            return List.of();
        }

        @Override
        public Target start(final Plan plan) {
            return Target.ownSwitch(plan.ports(), plan.pairs(), plan.poll(), plan.cpus());
        }
    },

    /** DPDK's testpmd with net_vhost, which forwards every frame to the other port without inspecting it. */
    TESTPMD {
        @Override
        public List<String> missing() {
            return lacking(Testpmd.PROGRAM, "stdbuf");
        }

        @Override
        public @Nullable String refuses(final Plan plan) {
            return plan.ports() == 2 ? null : "is a pipe between two ports; " + plan.ports() + " were requested";
        }

        @Override
        public Target start(final Plan plan) {
            final Path directory = Machine.temporaryDirectory(0);
            final Testpmd.Builder builder = new Testpmd.Builder("bench", plan.forwardingCpu()).mainCpu(plan.mainCpu())
                .hugepages(hasHugePages()).option("--rxq=" + plan.pairs()).option("--txq=" + plan.pairs())
                .option("--no-flush-rx").option("--forward-mode=io");
            final List<Path> sockets = sockets(directory, 2);
            for (int i = 0; i < sockets.size(); i++) {
                builder.device(Testpmd.vhost(i, sockets.get(i), plan.pairs()));
            }
            final Testpmd testpmd = starting(directory, builder::start);
            testpmd.command("start");
            return Target.started("DPDK pipe", sockets, false, () -> {
                testpmd.close();
                Machine.delete(directory);
            });
        }
    },

    /** Open vSwitch with DPDK and its NORMAL action: a learning bridge. */
    OVS {
        @Override
        public List<String> missing() {
            return OpenVswitch.missing();
        }

        @Override
        public Target start(final Plan plan) {
            final Path directory = Machine.temporaryDirectory(0);
            final List<Path> sockets = sockets(directory, plan.ports());
            final OpenVswitch ovs = starting(directory, () -> OpenVswitch.start(plan.mainCpu(), plan.forwardingCpu(),
                hasHugePages(), sockets, false));
            if (plan.longest() > DEFAULT_LONGEST) {
                ovs.allowLongFrames(sockets.size(), plan.longest());
            }
            return Target.started("OVS-DPDK", sockets, true, () -> {
                ovs.close();
                Machine.delete(directory);
            });
        }
    };

    /** The huge pages that DPDK programs need. */
    private static final int HUGE_PAGES = 600;
    private static final int DEFAULT_LONGEST = 1514;

    /**
     * The configuration of a back-end.
     *
     * @param ports the number of ports
     * @param pairs queue pairs per port
     * @param poll the polling mode of idle workers of this switch
     * @param cpus the processors of the threads that forward; empty if they are not pinned
     * @param mainCpu the processor of other threads
     * @param longest bytes of the longest frame
     */
    public record Plan(int ports, int pairs, String poll, List<Integer> cpus, int mainCpu, int longest) {
        int forwardingCpu() {
            return cpus.isEmpty() ? mainCpu : cpus.getFirst();
        }
    }

    /** Returns the programs that the back-end needs and this machine lacks. */
    public abstract List<String> missing();

    /** Returns the reason why the back-end cannot be started in this way, or null if it can. */
    public @Nullable String refuses(final Plan plan) {
        return null;
    }

    /** Starts the back-end. The caller closes it. */
    public abstract Target start(Plan plan);

    /** Returns the name as in the options. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    private static boolean hasHugePages() {
        return Machine.reserveHugepages(HUGE_PAGES) >= HUGE_PAGES;
    }

    private static List<String> lacking(final String... programs) {
        return Stream.of(programs).filter(name -> Program.find(name).isEmpty()).toList();
    }

    private static List<Path> sockets(final Path directory, final int ports) {
        return IntStream.range(0, ports).mapToObj(i -> directory.resolve("p" + i + ".sock")).toList();
    }

    /** Starts a program, and deletes the directory if that fails. */
    private static <T> T starting(final Path directory, final Supplier<T> starter) {
        try {
            return starter.get();
        } catch (final RuntimeException e) {
            Machine.delete(directory);
            throw e;
        }
    }
}
