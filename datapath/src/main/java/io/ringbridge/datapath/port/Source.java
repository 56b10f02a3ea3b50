package io.ringbridge.datapath.port;

import io.ringbridge.datapath.ring.Owner;
import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The ingress side of a queue, for guest queues and uplink queues.
 *
 * <p>The chains of a burst stay in flight while any worker may still read their frames. Each burst is recorded with the
 * last sequence that it has in each worker's frame ring. Bursts are returned in order, once every frame ring has passed
 * that sequence. Owned by the queue's worker.
 */
public final class Source {
    /** The most bursts in flight; a power of two. */
    private static final int BURSTS = 64;
    /** The distance between the counts of different workers: two cache lines. */
    private static final int APART = 16;

    private final Port port;
    private final QueueCounters counters;
    /** Set before the port receives any frame. */
    private @Nullable FrameTrace trace;
    private final Owner owner;
    private final int[] burstChains = new int[BURSTS];
    /** The most workers that the queue has had. The arrays with an element per worker have room for that many. */
    private int workers;
    private long[] burstSequences = {};
    private int firstBurst;
    private int nextBurst;
    private int chainsInFlight;

    /** The destination of the last frame. This and the next three fields are the last verdict and its inputs. */
    private long lastDestination;
    private long lastSource;
    private long lastVersion = -1;
    private @Nullable Sink lastReceiver;

    /** The work that the queue's frames have caused beyond its share. */
    private long debt;
    private boolean inDebt;
    /** The round of each worker at which the debt is paid; 0 for workers that did none of the work. */
    private AtomicLongArray paidAt = new AtomicLongArray(0);
    /** The work that each worker has done for the queue's frames, in cache lines of its own. */
    private AtomicLongArray billed = new AtomicLongArray(0);
    private long[] billsPaid = {};
    private final MeasuredInterruptions stalls = new MeasuredInterruptions(InterruptionCause.WORKER_STALL);

    Source(final Port port, final QueueCounters counters, final Owner owner) {
        this.port = port;
        this.counters = counters;
        this.owner = owner;
    }

    /**
     * Makes room for that many workers, before one of them polls the queue. Debts and bills stay. The number of workers
     * changes only while no frame is in flight, so no other worker uses the arrays that are replaced.
     */
    public void serveWith(final int workersNow) {
        if (workersNow > workers) {
            assert idle() : "the number of workers changes while no frame is in flight";
            final long[] moreSequences = new long[BURSTS * workersNow];
            final AtomicLongArray morePaidAt = grown(paidAt, workersNow);
            final AtomicLongArray moreBilled = grown(billed, workersNow * APART);
            billsPaid = Arrays.copyOf(billsPaid, workersNow);
            burstSequences = moreSequences;
            paidAt = morePaidAt;
            billed = moreBilled;
            workers = workersNow;
        }
    }

    private static AtomicLongArray grown(final AtomicLongArray old, final int length) {
        final AtomicLongArray more = new AtomicLongArray(length);
        for (int i = 0; i < old.length(); i++) {
            more.setPlain(i, old.getPlain(i));
        }
        return more;
    }

    public Port port() {
        return port;
    }

    /** Returns the counters of frames that entered by the queue or were dropped. */
    public QueueCounters counters() {
        return counters;
    }

    /** Returns the trace of frames that entered by the queue or were dropped, or null. The owner writes it. */
    public @Nullable FrameTrace trace() {
        return trace;
    }

    void trace(final FrameTrace recorded) {
        trace = recorded;
    }

    /** Returns the stalls of the worker while it polled the queue. */
    public MeasuredInterruptions stalls() {
        return stalls;
    }

    /** Whether another burst can be recorded. */
    boolean hasRoom() {
        return nextBurst - firstBurst < BURSTS;
    }

    /** Whether no worker has a frame that entered by this queue. */
    boolean idle() {
        return firstBurst == nextBurst;
    }

    /** Returns the number of chains in recorded bursts. */
    int chainsInFlight() {
        return chainsInFlight;
    }

    /**
     * Records a burst.
     *
     * @param chains the number of chains of the burst
     * @param sequences the last sequence in each worker's frame ring that has a frame of the burst
     */
    public void recordBurst(final int chains, final long[] sequences) {
        assert owner.isCaller() : "another thread owns this queue";
        final int slot = nextBurst & BURSTS - 1;
        burstChains[slot] = chains;
        System.arraycopy(sequences, 0, burstSequences, slot * workers, sequences.length);
        nextBurst++; // last, since a fault may be raised anywhere before
        chainsInFlight += chains;
    }

    /** Returns the number of bursts recorded so far, modulo 2^32. */
    public int bursts() {
        return nextBurst;
    }

    /** Returns the number of chains of the oldest burst in flight, or 0 if none is in flight. */
    public int oldestBurst() {
        return firstBurst == nextBurst ? 0 : burstChains[firstBurst & BURSTS - 1];
    }

    /** Returns the last sequence in a worker's frame ring that has a frame of the oldest burst in flight. */
    public long oldestSequence(final int worker) {
        return burstSequences[(firstBurst & BURSTS - 1) * workers + worker];
    }

    /**
     * Forgets the oldest burst in flight.
     *
     * @return the number of its chains
     */
    int forgetOldest() {
        assert owner.isCaller() : "another thread owns this queue";
        final int chains = burstChains[firstBurst++ & BURSTS - 1];
        chainsInFlight -= chains;
        return chains;
    }

    /** Records work that a worker has done for frames that entered by this queue. Called by that worker. */
    public void bill(final int worker, final long work) {
        billed.setOpaque(worker * APART, billed.getPlain(worker * APART) + work);
    }

    /** Returns the work that a worker has billed since the last call. */
    public long newBill(final int worker) {
        final long all = billed.getOpaque(worker * APART);
        final long fresh = all - billsPaid[worker];
        billsPaid[worker] = all;
        return fresh;
    }

    /**
     * Charges the work of a round to the queue, less its share.
     *
     * @return the debt
     */
    public long charge(final long work, final int share) {
        assert owner.isCaller() : "another thread owns this queue";
        debt = Math.max(0, debt + work - share);
        return debt;
    }

    /** Whether the queue takes nothing until its {@linkplain #paidAt debt is paid}. */
    public boolean isInDebt() {
        return inDebt;
    }

    /** Sets the round of a worker at which the debt is paid; 0 if that worker did none of the work. */
    public void payAt(final int worker, final long round) {
        paidAt.setOpaque(worker, round);
        inDebt = true;
    }

    /** Returns the round of a worker at which the debt is paid. Any thread may call. */
    public long paidAt(final int worker) {
        return paidAt.getOpaque(worker);
    }

    /** Clears the debt. */
    public void payOff() {
        debt = 0;
        inDebt = false;
    }

    /** Forgets all bursts, and the last verdict. */
    void forget() {
        firstBurst = nextBurst;
        chainsInFlight = 0;
        lastReceiver = null;
        payOff();
    }

    /**
     * Returns the receiver of the last frame, if a frame with these addresses would have the same one. Returns null if
     * the addresses differ or the forwarding state has changed.
     */
    public @Nullable Sink lastReceiver(final long destination, final long source, final long version) {
        return destination == lastDestination && source == lastSource && version == lastVersion ? lastReceiver : null;
    }

    /** Remembers a verdict. */
    public void lastVerdict(final long destination, final long source, final long version, final Sink receiver) {
        lastDestination = destination;
        lastSource = source;
        lastVersion = version;
        lastReceiver = receiver;
    }
}
