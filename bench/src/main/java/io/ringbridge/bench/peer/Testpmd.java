package io.ringbridge.bench.peer;

import io.ringbridge.bench.machine.BenchException;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** DPDK's testpmd with virtual devices only, driven at its prompt. */
public final class Testpmd implements AutoCloseable {
    /** The name of the program. */
    public static final String PROGRAM = "dpdk-testpmd";

    /**
     * testpmd writes its prompt character by character, so another thread's log lines may be interleaved. For example,
     * the interrupt thread logs the end of a connection.
     */
    static final Pattern PROMPT = Pattern.compile("testpmd> ".chars().mapToObj(Character::toString)
        .collect(Collectors.joining("(?:(?s:.*?)\n)??", "(?m:^)", "")));

    private static final Duration START_LIMIT = Duration.ofMinutes(1);
    private static final Duration COMMAND_LIMIT = Duration.ofSeconds(30);
    private static final Pattern STATISTICS = Pattern.compile(
        "RX-packets: (\\d+)\\s+RX-missed: (\\d+)\\s+RX-bytes:\\s+(\\d+).*?TX-packets: (\\d+)\\s+TX-errors: "
        + "(\\d+)\\s+TX-bytes:\\s+(\\d+).*?Rx-pps:\\s+(\\d+)", Pattern.DOTALL);

    private final Program program;
    private int read;

    private Testpmd(final Program program) {
        this.program = program;
    }

    /**
     * The output of {@code show port stats} for one port. {@code rxPps} is the rate since the previous {@code show port
     * stats}.
     */
    public record Statistics(long rxPackets, long rxMissed, long rxBytes, long txPackets, long txErrors, long txBytes,
        long rxPps) {
        /** Parses the statistics of all ports in a text, in the order of the text. */
        static List<Statistics> parse(final String text) {
            final List<Statistics> ports = new ArrayList<>();
            final Matcher matcher = STATISTICS.matcher(text);
            while (matcher.find()) {
                ports.add(new Statistics(number(matcher, 1), number(matcher, 2), number(matcher, 3), number(matcher, 4),
                    number(matcher, 5), number(matcher, 6), number(matcher, 7)));
            }
            if (ports.isEmpty()) {
                throw new BenchException("no statistics in: " + text);
            }
            return ports;
        }

        private static long number(final MatchResult match, final int group) {
            return Long.parseLong(match.group(group));
        }
    }

    /** Returns a front-end device. Further options start with a comma, such as {@code ,mrg_rxbuf=0}. */
    public static String virtioUser(final int index, final Path socket, final String mac, final String options) {
        return "net_virtio_user" + index + ",path=" + socket + ",queues=1,mac=" + mac + options;
    }

    /** Returns a back-end device. */
    public static String vhost(final int index, final Path socket) {
        return vhost(index, socket, 1);
    }

    /** Returns a back-end device with several queue pairs. */
    public static String vhost(final int index, final Path socket, final int pairs) {
        return "net_vhost" + index + ",iface=" + socket + ",queues=" + pairs;
    }

    /** Returns a device that receives the frames of one file, and writes sent frames to another. */
    public static String pcap(final int index, final Path received, final Path sent) {
        return "net_pcap" + index + ",rx_pcap=" + received + ",tx_pcap=" + sent;
    }

    /**
     * Runs a command.
     *
     * @return the output until the next prompt
     */
    public String command(final String line) {
        program.type(line);
        return awaitPrompt(COMMAND_LIMIT);
    }

    private String awaitPrompt(final Duration limit) {
        final MatchResult prompt = program.output().await(PROMPT, read, limit);
        final String output = program.output().since(read).substring(0, prompt.start() - read);
        read = prompt.end();
        return output;
    }

    /** Returns the counters of a port. */
    public Statistics statistics(final int port) {
        return Statistics.parse(command("show port stats " + port)).getFirst();
    }

    /** Returns the counters of all ports, in order. */
    public List<Statistics> allStatistics() {
        return Statistics.parse(command("show port stats all"));
    }

    public long pid() {
        return program.pid();
    }

    public boolean isAlive() {
        return program.isAlive();
    }

    public Transcript output() {
        return program.output();
    }

    /** Quits testpmd by its own command, so that it closes its devices and flushes its files. */
    public void quit() {
        program.type("quit");
        final int status = program.awaitExit(COMMAND_LIMIT);
        if (status != 0) {
            throw new BenchException("testpmd exited with status " + status + "; end of its output:\n"
                + program.output().tail());
        }
    }

    /** Sends SIGKILL to testpmd. */
    public void kill() {
        program.kill();
    }

    @Override
    public void close() {
        program.close();
    }

    /** Builds testpmd's command line. */
    public static final class Builder {
        private final String name;
        private final int cpu;
        private final List<String> devices = new ArrayList<>();
        private final List<String> options = new ArrayList<>();
        private int mainCpu;
        private boolean hugepages;
        private int megabytes = 160;
        private int mbufs = 4096;

        /**
         * Creates a command line without devices.
         *
         * @param name the name of this instance, DPDK's file prefix
         * @param cpu  the processor of its threads
         */
        public Builder(final String name, final int cpu) {
            this.name = name;
            this.cpu = cpu;
            this.mainCpu = cpu;
        }

        /** Sets another processor for the thread that does not forward. */
        public Builder mainCpu(final int newMainCpu) {
            mainCpu = newMainCpu;
            return this;
        }

        /** Adds a device. Ports are numbered in the order in which devices are added. */
        public Builder device(final String device) {
            devices.add("--vdev=" + device);
            return this;
        }

        /** Adds an option of testpmd itself. */
        public Builder option(final String option) {
            options.add(option);
            return this;
        }

        /** Sets whether to use huge pages instead of small pages. */
        public Builder hugepages(final boolean use) {
            hugepages = use;
            return this;
        }

        /** Sets the amount of memory and the number of packet buffers. */
        public Builder memory(final int newMegabytes, final int newMbufs) {
            megabytes = newMegabytes;
            mbufs = newMbufs;
            return this;
        }

        /** Returns the command line. */
        public List<String> command() {
            final List<String> command = new ArrayList<>();
            // testpmd's output is buffered, and its prompt is not. Without stdbuf they would be out of order.
            command.addAll(List.of("stdbuf", "-oL", PROGRAM, "--lcores=0@" + mainCpu + ",1@" + cpu, "--main-lcore=0",
                "--no-pci", "--file-prefix=" + name, "-m", Integer.toString(megabytes)));
            command.addAll(hugepages ? List.of("--in-memory", "--single-file-segments")
                : List.of("--no-huge", "--no-shconf"));
            command.addAll(devices);
            command.addAll(List.of("--", "-i", "--total-num-mbufs=" + mbufs, "--no-lsc-interrupt",
                "--disable-link-check"));
            command.addAll(options);
            return command;
        }

        /** Starts testpmd, and waits for its prompt. */
        public Testpmd start() {
            final Testpmd testpmd = new Testpmd(Program.start(PROGRAM, command()));
            try {
                final String output = testpmd.awaitPrompt(START_LIMIT);
                // testpmd only logs that it cannot create a device, and gives the following ports other numbers.
                if (!output.contains("Configuring Port " + (devices.size() - 1) + " ")) {
                    throw new BenchException("testpmd did not create all of its " + devices.size() + " devices:\n"
                        + output);
                }
                return testpmd;
            } catch (final BenchException e) {
                testpmd.close();
                throw e;
            }
        }
    }
}
