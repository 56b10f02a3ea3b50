package io.ringbridge.datapath.port;

import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

/**
 * The latest interruptions of a port whose causes are changes of its state. The threads that change the state record
 * them. At most one interruption per cause is ongoing.
 *
 * <p>Any thread may call, and none waits for another: a worker calls if it finds that the port has failed.
 */
final class Interruptions {
    /** The most interruptions that are kept per port. */
    static final int MOST = 64;

    /** The causes that end when the front-end or the device is gone. */
    private static final InterruptionCause[] STOPPED =
        {InterruptionCause.MIGRATION, InterruptionCause.RINGS_STOPPED, InterruptionCause.FAILURE};

    /** In the order of their start. */
    private final AtomicReference<List<Interruption>> entries = new AtomicReference<>(List.of());

    /** Returns the latest of several interruptions, each once, in the order of their start. */
    static List<Interruption> latest(final Stream<Interruption> all) {
        final List<Interruption> sorted =
            all.distinct().sorted(Comparator.comparingLong(Interruption::start)).toList();
        return List.copyOf(sorted.subList(Math.max(0, sorted.size() - MOST), sorted.size()));
    }

    /** Begins an interruption, unless one with this cause is ongoing. */
    void begin(final InterruptionCause cause) {
        add(new Interruption(cause, System.nanoTime(), 0, true));
    }

    /** Adds an interruption, unless one with this cause is ongoing. */
    private void add(final Interruption one) {
        entries.updateAndGet(list -> isOngoing(list, one.cause()) ? list
            : latest(Stream.concat(list.stream(), Stream.of(one))));
    }

    /** Records an interruption that has just ended. */
    void ended(final InterruptionCause cause, final long start) {
        add(new Interruption(cause, start, System.nanoTime() - start, false));
    }

    /** Ends the interruptions with these causes, if they are ongoing. */
    void end(final InterruptionCause... causes) {
        final List<InterruptionCause> ending = List.of(causes);
        final long now = System.nanoTime();
        entries.updateAndGet(list -> list.stream().noneMatch(one -> one.ongoing() && ending.contains(one.cause()))
            ? list : list.stream().map(one -> ending.contains(one.cause()) ? one.at(now).ended() : one).toList());
    }

    /**
     * Records what a change of the port's state begins and ends. The end of a front-end does not interrupt a port that
     * has never run.
     *
     * @param migrating whether the guest's writes are logged
     */
    void stateChanged(final PortState before, final PortState now, final boolean migrating) {
        if (now == PortState.RUNNING) {
            end(InterruptionCause.RECONNECT);
            end(STOPPED);
        } else if (now == PortState.FAILED) {
            begin(InterruptionCause.FAILURE);
        } else if (now == PortState.WAITING) {
            final boolean hadStopped = Stream.of(STOPPED).anyMatch(cause -> isOngoing(entries.get(), cause));
            end(STOPPED);
            if (hadStopped || before == PortState.RUNNING) {
                begin(InterruptionCause.RECONNECT);
            }
        } else if (before == PortState.RUNNING) {
            begin(migrating ? InterruptionCause.MIGRATION : InterruptionCause.RINGS_STOPPED);
        }
    }

    private static boolean isOngoing(final List<Interruption> list, final InterruptionCause cause) {
        return list.stream().anyMatch(one -> one.ongoing() && one.cause() == cause);
    }

    /** Returns the interruptions in the order of their start. */
    List<Interruption> list() {
        final long now = System.nanoTime();
        return entries.get().stream().map(one -> one.at(now)).toList();
    }

    /** Replaces the interruptions by those of the same port in another process. */
    void continueFrom(final List<Interruption> earlier) {
        entries.set(latest(earlier.stream()));
    }
}
