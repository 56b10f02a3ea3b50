package io.ringbridge.datapath.os;

/** What a worker asks of the scheduler for its own thread. */
public final class ThreadTuning {
    private static final int PR_SET_TIMERSLACK = 29;
    private static final int PRIO_PROCESS = 0;
    private static final int LAST = 19;

    private ThreadTuning() {
    }

    /**
     * Tries whether a thread can be pinned to a processor.
     *
     * @throws OsException when it cannot
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
     * @throws OsException when there is no such processor, or it is not allowed to this process
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

    /** Makes timed waits of the calling thread exact to the microsecond. */
    public static void preciseTimers() {
        Libc.prctl(PR_SET_TIMERSLACK, 1000);
    }

    /** Makes the calling thread, and those it starts from now on, give way to all others that have something to do. */
    public static void giveWay() {
        Libc.setPriority(PRIO_PROCESS, 0, LAST);
    }
}
