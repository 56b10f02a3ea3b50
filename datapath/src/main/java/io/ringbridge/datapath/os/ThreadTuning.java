package io.ringbridge.datapath.os;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.stream.Stream;

/** Scheduler settings of threads. */
public final class ThreadTuning {
    private static final int PR_SET_TIMERSLACK = 29;
    private static final int PRIO_PROCESS = 0;
    private static final int LAST = 19;
    private static final String ALLOWED = "Cpus_allowed_list:";

    private ThreadTuning() {
    }

    /**
     * Checks that a thread can be pinned to a processor.
     *
     * @throws OsException if it cannot
     */
    public static void check(final int cpu) {
        final OsException[] refused = new OsException[1];
        final Thread trial = Thread.ofPlatform().daemon().name("rb-cpu-check").start(() -> {
            try {
                pin(cpu);
            } catch (final OsException e) {
                refused[0] = e;
            }
        });
        boolean interrupted = false;
        while (trial.isAlive()) {
            try {
                trial.join();
            } catch (final InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (refused[0] != null) {
            throw refused[0];
        }
    }

    /**
     * Restricts the calling thread to one processor.
     *
     * @throws OsException if the processor does not exist, or this process may not use it
     */
    public static void pin(final int cpu) {
        if (cpu < 0 || cpu > 1023) {
            throw new OsException("cpu " + cpu + " is outside 0..1023");
        }
        final BitSet one = new BitSet();
        one.set(cpu);
        restrict(one);
    }

    /**
     * Restricts the calling thread to some processors, 0 to 1023.
     *
     * @throws OsException if none of them exists, or this process may use none of them
     */
    public static void restrict(final BitSet cpus) {
        final int rc = Libc.setAffinity(cpus.toByteArray());
        if (rc < 0) {
            throw new OsException("cannot pin to processors " + cpus, rc);
        }
    }

    /**
     * Returns the processors that this process may use: those of its first thread, which nothing pins (proc(5)).
     *
     * @throws OsException if they cannot be read
     */
    public static BitSet available() {
        final BitSet cpus = new BitSet();
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            final String list = lines.filter(line -> line.startsWith(ALLOWED)).findFirst().orElse(ALLOWED);
            for (final String part : list.substring(ALLOWED.length()).strip().split(",", -1)) {
                final String[] range = part.split("-", 2);
                cpus.set(Integer.parseInt(range[0]), Integer.parseInt(range[range.length - 1]) + 1);
            }
        } catch (final IOException | UncheckedIOException | NumberFormatException e) {
            throw new OsException("cannot read the processors of this process: " + e.getMessage());
        }
        return cpus;
    }

    /** Sets the timer slack of the calling thread to one microsecond. */
    public static void preciseTimers() {
        Libc.prctl(PR_SET_TIMERSLACK, 1000);
    }

    /** Gives the calling thread, and those that it starts from now on, the lowest priority (nice 19). */
    public static void lowerPriority() {
        Libc.setPriority(PRIO_PROCESS, 0, LAST);
    }
}
