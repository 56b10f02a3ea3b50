package io.ringbridge.bench.harness;

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
     * It is written character by character, and another thread's log lines come in between: when a connection ends, for one, the
     * interrupt thread says so.
     */
    static final Pattern PROMPT = Pattern.compile("testpmd> ".chars().mapToObj(Character::toString)
        .collect(Collectors.joining("(?:(?s:.*?)\n)??", "(?m:^)", "")));

    private static final Duration START_LIMIT = Duration.ofMinutes(1);
    private static final Duration COMMAND_LIMIT = Duration.ofSeconds(30);
    private static final Pattern STATISTICS = Pattern.compile(
        "RX-packets: (\\d+)\\s+RX-missed: (\\d+)\\s+RX-bytes:\\s+(\\d+).*?TX-packets: (\\d+)\\s+TX-errors: (\\d+)\\s+TX-bytes:\\s+(\\d+)"
            + ".*?Rx-pps:\\s+(\\d+)", Pattern.DOTALL);

    private final Program program;
    private int read;

    private Testpmd(final Program program) {
        this.program = program;
    }

    /** What {@code show port stats} says of a port; {@code rxPps} is the rate since it was asked before. */
    public record Statistics(long rxPackets, long rxMissed, long rxBytes, long txPackets, long txErrors, long txBytes, long rxPps) {
        /** The statistics of every port that a text has them of, in its order. */
        static List<Statistics> parse(final String text) {
            final List<Statistics> ports = new ArrayList<>();
            final Matcher matcher = STATISTICS.matcher(text);
            while (matcher.find()) {
                ports.add(new Statistics(number(matcher, 1), number(matcher, 2), number(matcher, 3), number(matcher, 4),
                    number(matcher, 5), number(matcher, 6), number(matcher, 7)));
            }
            if (ports.isEmpty()) {
                throw new HarnessException("no statistics in: " + text);
            }
            return ports;
        }

        private static long number(final MatchResult match, final int group) {
            return Long.parseLong(match.group(group));
        }
    }

    /** A front-end device; further options start with a comma, such as {@code ,mrg_rxbuf=0}. */
    public static String virtioUser(final int index, final Path socket, final String mac, final String options) {
        return "net_virtio_user" + index + ",path=" + socket + ",queues=1,mac=" + mac + options;
    }

    /** A back-end device. */
    public static String vhost(final int index, final Path socket) {
        return "net_vhost" + index + ",iface=" + socket + ",queues=1";
    }

    /** A device that receives the frames of one file and writes what is sent to another. */
    public static String pcap(final int index, final Path received, final Path sent) {
        return "net_pcap" + index + ",rx_pcap=" + received + ",tx_pcap=" + sent;
    }

    /** Types a command and returns what is said until the next prompt. */
    public String command(final String line) {
        program.type(line);
        return awaitPrompt(COMMAND_LIMIT);
    }

    private String awaitPrompt(final Duration limit) {
        final MatchResult prompt = program.output().await(PROMPT, read, limit);
        final String said = program.output().since(read).substring(0, prompt.start() - read);
        read = prompt.end();
        return said;
    }

    /** The counters of a port. */
    public Statistics statistics(final int port) {
        return Statistics.parse(command("show port stats " + port)).getFirst();
    }

    /** The counters of all ports, in order. */
    public List<Statistics> allStatistics() {
        return Statistics.parse(command("show port stats all"));
    }

    public boolean isAlive() {
        return program.isAlive();
    }

    public Transcript output() {
        return program.output();
    }

    /** Ends it as a user does, so that it closes its devices and writes its files out. */
    public void quit() {
        program.type("quit");
        final int status = program.awaitExit(COMMAND_LIMIT);
        if (status != 0) {
            throw new HarnessException("testpmd returned " + status + "; its last words:\n" + program.output().tail());
        }
    }

    /** SIGKILL. */
    public void kill() {
        program.kill();
    }

    @Override
    public void close() {
        program.close();
    }

    /** A command line in the making. */
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
         * Starts with a command line that has no device.
         *
         * @param name tells several of them apart; DPDK calls it the file prefix
         * @param cpu  the processor that its threads run on
         */
        public Builder(final String name, final int cpu) {
            this.name = name;
            this.cpu = cpu;
            this.mainCpu = cpu;
        }

        /** Puts the thread that does not forward onto another processor. */
        public Builder mainCpu(final int newMainCpu) {
            mainCpu = newMainCpu;
            return this;
        }

        /** Its ports get their numbers in the order in which devices are added. */
        public Builder device(final String device) {
            devices.add("--vdev=" + device);
            return this;
        }

        /** An option of testpmd itself. */
        public Builder option(final String option) {
            options.add(option);
            return this;
        }

        /** Uses hugepages, or ordinary memory where the machine has none to give. */
        public Builder hugepages(final boolean use) {
            hugepages = use;
            return this;
        }

        /** How much memory, and how many packet buffers. */
        public Builder memory(final int newMegabytes, final int newMbufs) {
            megabytes = newMegabytes;
            mbufs = newMbufs;
            return this;
        }

        /** The whole command line. */
        public List<String> command() {
            final List<String> command = new ArrayList<>();
            // Its own output is buffered and its prompt is not: without this they come out of order.
            command.addAll(List.of("stdbuf", "-oL", PROGRAM, "--lcores=0@" + mainCpu + ",1@" + cpu, "--main-lcore=0", "--no-pci",
                "--file-prefix=" + name, "-m", Integer.toString(megabytes)));
            command.addAll(hugepages ? List.of("--in-memory", "--single-file-segments") : List.of("--no-huge", "--no-shconf"));
            command.addAll(devices);
            command.addAll(List.of("--", "-i", "--total-num-mbufs=" + mbufs, "--no-lsc-interrupt", "--disable-link-check"));
            command.addAll(options);
            return command;
        }

        /** Starts it, and returns when it shows its prompt. */
        public Testpmd start() {
            final Testpmd testpmd = new Testpmd(Program.start(PROGRAM, command()));
            try {
                final String said = testpmd.awaitPrompt(START_LIMIT);
                // A device that cannot be made is left out with a message, and the ports after it get other numbers.
                if (!said.contains("Configuring Port " + (devices.size() - 1) + " ")) {
                    throw new HarnessException("testpmd has not made all of its " + devices.size() + " devices:\n" + said);
                }
                return testpmd;
            } catch (final HarnessException e) {
                testpmd.close();
                throw e;
            }
        }
    }
}
