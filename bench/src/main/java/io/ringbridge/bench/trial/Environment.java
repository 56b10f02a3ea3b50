package io.ringbridge.bench.trial;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.machine.ProjectRoot;
import io.ringbridge.bench.peer.Program;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The machine and the programs of a measurement. Every result contains them. A value that the system does not report is
 * null.
 *
 * @param time when the measurement began (UTC)
 * @param command the arguments of {@code ringbridge bench}
 * @param version the version of this program
 * @param commit the commit of the source tree, followed by {@code +} if files have changed since
 * @param dpdk the version of DPDK
 * @param openVswitch the version of Open vSwitch
 * @param cpus the processors that this process may use
 * @param hypervisor the vendor; null on hardware
 * @param smt whether cores run several threads
 * @param numaNodes the number of memory nodes
 * @param isolated processors that the scheduler leaves alone ({@code isolcpus})
 * @param nohzFull processors without a timer tick while one thread runs
 * @param kernelCommandLine the kernel's parameters
 * @param governor the policy for the clock
 * @param hugePages free and reserved huge pages of 2 MiB
 * @param clockSource the kernel's clock
 * @param clockReadNanos the time to read the clock: the least that can be measured
 * @param load runnable threads in the last minute
 */
public record Environment(String time, String command, @Nullable String version, @Nullable String commit, String java,
    @Nullable String dpdk, @Nullable String openVswitch, String processor, @Nullable String microcode,
    List<Integer> cpus, @Nullable String hypervisor, @Nullable String smt, int numaNodes, @Nullable String isolated,
    @Nullable String nohzFull, String kernel, @Nullable String kernelCommandLine, @Nullable String governor,
    @Nullable String boost, @Nullable String transparentHugePages, String hugePages, @Nullable String clockSource,
    double clockReadNanos, @Nullable String load) {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final Path CPU = Path.of("/sys/devices/system/cpu");
    private static final Path HUGE_PAGES = Path.of("/sys/kernel/mm/hugepages/hugepages-2048kB");
    private static final int CLOCK_READS = 20_000;

    /**
     * Reads the environment.
     *
     * @param spec the command that measures
     */
    public static Environment of(final CommandSpec spec) {
        return new Environment(Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
            String.join(" ", spec.root().commandLine().getParseResult().originalArgs()),
            Environment.class.getPackage().getImplementationVersion(), readCommit(),
            System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"), readDpdk(),
            firstLine("ovs-vsctl", "--version"), Machine.processor(), cpuinfo("microcode"), Machine.cpus(),
            readHypervisor(), read(CPU.resolve("smt/active")), nodes(), read(CPU.resolve("isolated")),
            read(CPU.resolve("nohz_full")), System.getProperty("os.version"), read(Path.of("/proc/cmdline")),
            read(CPU.resolve("cpu0/cpufreq/scaling_governor")), read(CPU.resolve("cpufreq/boost")),
            chosen(read(Path.of("/sys/kernel/mm/transparent_hugepage/enabled"))),
            read(HUGE_PAGES.resolve("free_hugepages")) + " of " + read(HUGE_PAGES.resolve("nr_hugepages")) + " free",
            read(Path.of("/sys/devices/system/clocksource/clocksource0/current_clocksource")), clockRead(),
            read(Path.of("/proc/loadavg")));
    }

    /** Returns the machine in one line, for a plot. */
    public String machine() {
        return Stream.of(processor, cpus.size() + (cpus.size() == 1 ? " processor" : " processors"),
            hypervisor == null ? null : "virtual machine (" + hypervisor + ")", "Linux " + kernel)
            .filter(part -> part != null).collect(Collectors.joining(", "));
    }

    /** Returns the time and the versions in one line, for a plot. */
    public String versions() {
        return Stream.of(time, version == null ? null : "Ringbridge " + version,
            commit == null ? null : "commit " + commit, dpdk, openVswitch)
            .filter(part -> part != null).collect(Collectors.joining(", "));
    }

    private static @Nullable String readCommit() {
        if (Program.find("git").isEmpty()) {
            return null;
        }
        try {
            final String root = ProjectRoot.find().toString();
            final String commit = Program.run(LIMIT, "git", "-C", root, "rev-parse", "--short=9", "HEAD").strip();
            final String changed = Program.run(LIMIT, "git", "-C", root, "status", "--porcelain", "-uno");
            return changed.isBlank() ? commit : commit + '+';
        } catch (BenchException _) {
            // The program was installed without its source tree.
            return null;
        }
    }

    private static @Nullable String readDpdk() {
        final String[] command = {"dpdk-testpmd", "-v", "--no-pci", "--no-huge", "--no-shconf", "-m", "16",
            "--file-prefix=version", "--", "--help"};
        return output(command).lines().filter(line -> line.contains("RTE Version"))
            .map(line -> line.substring(line.indexOf('\'') + 1, line.lastIndexOf('\''))).findFirst().orElse(null);
    }

    private static @Nullable String firstLine(final String... command) {
        return output(command).lines().map(line -> line.replaceFirst("^ovs-vsctl \\((.*)\\)", "$1"))
            .findFirst().orElse(null);
    }

    private static String output(final String... command) {
        try {
            return Program.find(command[0]).isEmpty() ? "" : Program.run(LIMIT, command);
        } catch (BenchException _) {
            // Without its version, a program can still be measured.
            return "";
        }
    }

    private static @Nullable String readHypervisor() {
        final String flags = cpuinfo("flags");
        if (flags == null || !Arrays.asList(flags.split(" ", -1)).contains("hypervisor")) {
            return null;
        }
        return output("lscpu").lines().filter(line -> line.startsWith("Hypervisor vendor:"))
            .map(line -> line.substring(line.indexOf(':') + 1).strip()).findFirst().orElse("unknown");
    }

    private static @Nullable String cpuinfo(final String name) {
        final String all = read(Path.of("/proc/cpuinfo"));
        return all == null ? null : all.lines().filter(line -> line.startsWith(name))
            .map(line -> line.substring(line.indexOf(':') + 1).strip()).findFirst().orElse(null);
    }

    private static int nodes() {
        try (Stream<Path> entries = Files.list(Path.of("/sys/devices/system/node"))) {
            return (int) entries.filter(entry -> entry.getFileName().toString().matches("node\\d+")).count();
        } catch (IOException _) {
            // The kernel was built without NUMA.
            return 1;
        }
    }

    /** Returns the choice in brackets: {@code always [madvise] never}. */
    private static @Nullable String chosen(final @Nullable String choices) {
        return choices == null ? null : choices.replaceFirst(".*\\[(.*)].*", "$1");
    }

    /** Returns a file's contents, or null if it does not exist or is empty. */
    private static @Nullable String read(final Path file) {
        try {
            final String text = Files.readString(file).strip();
            return text.isEmpty() || "(null)".equals(text) ? null : text;
        } catch (IOException _) {
            // Many of these files depend on the kernel's configuration.
            return null;
        }
    }

    private static double clockRead() {
        long last = 0;
        final long start = System.nanoTime();
        for (int i = 0; i < CLOCK_READS; i++) {
            last = System.nanoTime();
        }
        return (double) (last - start) / CLOCK_READS;
    }
}
