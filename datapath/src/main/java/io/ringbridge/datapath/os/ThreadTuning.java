package io.ringbridge.datapath.os;

/** Scheduler settings of threads. */
public final class ThreadTuning {
    private static final int PR_SET_TIMERSLACK = 29;
    private static final int PRIO_PROCESS = 0;
    private static final int LAST = 19;

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
        final int rc = Libc.setAffinity(cpu);
        if (rc < 0) {
            throw new OsException("cannot pin to cpu " + cpu, rc);
        }
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
