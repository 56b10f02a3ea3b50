package io.ringbridge.datapath.port;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Where frames enter the switch: the ingress side of a queue, whatever it takes its frames from.
 *
 * <p>What was taken stays out while any worker may still read its frames. Bursts are noted with the frame rings' sequences up to which
 * their frames went, and given back in order once each ring has passed its own. Owned by the queue's worker.
 */
public final class Source {
    /** Bursts that may be out at a time; a power of two. */
    private static final int BURSTS = 64;
    /** Counts of different workers are two cache lines apart. */
    private static final int APART = 16;

    private final Port port;
    private final QueueCounters counters;
    private final int workers;
    private final int[] burstChains = new int[BURSTS];
    private final long[] burstSequences;
    private int firstBurst;
    private int nextBurst;
    private int chainsNoted;

    /** The verdict on the last frame, and all that it depended on. */
    private long lastDestination;
    private long lastSource;
    private long lastVersion = -1;
    private Sink lastReceiver;

    /** The work of its frames that is over its share. */
    private long debt;
    private boolean inDebt;
    /** The rounds of each worker after which the debt is paid; 0 of those that did none of the work. */
    private final long[] paidAt;
    /** The work that other workers have done for its frames, each at a place of its own, far apart. */
    private final AtomicLongArray billed;
    private final long[] billsPaid;

    Source(final Port port, final QueueCounters counters, final int workers) {
        this.port = port;
        this.counters = counters;
        this.workers = workers;
        burstSequences = new long[BURSTS * workers];
        paidAt = new long[workers];
        billed = new AtomicLongArray(workers * APART);
        billsPaid = new long[workers];
    }

    public Port port() {
        return port;
    }

    /** What entered, and what was dropped on the way. */
    public QueueCounters counters() {
        return counters;
    }

    /** Whether another burst can be noted. */
    boolean hasRoom() {
        return nextBurst - firstBurst < BURSTS;
    }

    /** Whether no worker holds a frame that came in here. */
    boolean idle() {
        return firstBurst == nextBurst;
    }

    /** How many chains are in bursts that were noted. */
    int chainsNoted() {
        return chainsNoted;
    }

    /**
     * Notes a burst.
     *
     * @param chains how many chains it took
     * @param sequences the last sequence of each worker's frame ring that holds one of its frames
     */
    public void noteBurst(final int chains, final long[] sequences) {
        final int slot = nextBurst & BURSTS - 1;
        burstChains[slot] = chains;
        System.arraycopy(sequences, 0, burstSequences, slot * workers, workers);
        nextBurst++; // last, since a fault may be raised anywhere before
        chainsNoted += chains;
    }

    /** How many bursts were noted so far, modulo 2^32. */
    public int bursts() {
        return nextBurst;
    }

    /** Chains of the burst that has been out longest, or 0 when none is out. */
    public int oldestBurst() {
        return firstBurst == nextBurst ? 0 : burstChains[firstBurst & BURSTS - 1];
    }

    /** The last sequence of a worker's frame ring that holds a frame of the burst that has been out longest. */
    public long oldestSequence(final int worker) {
        return burstSequences[(firstBurst & BURSTS - 1) * workers + worker];
    }

    /** Forgets the burst that has been out longest; how many chains it had. */
    int forgetOldest() {
        final int chains = burstChains[firstBurst++ & BURSTS - 1];
        chainsNoted -= chains;
        return chains;
    }

    /** Notes work that a worker has done for frames that came in here. By that worker. */
    public void bill(final int worker, final long work) {
        billed.setOpaque(worker * APART, billed.getPlain(worker * APART) + work);
    }

    /** Returns the work that a worker has billed since this was last asked. */
    public long newBill(final int worker) {
        final long all = billed.getOpaque(worker * APART);
        final long fresh = all - billsPaid[worker];
        billsPaid[worker] = all;
        return fresh;
    }

    /**
     * Charges work to the queue, in place of its share of a round.
     *
     * @return the debt
     */
    public long charge(final long work, final int share) {
        debt = Math.max(0, debt + work - share);
        return debt;
    }

    /** Whether it takes nothing until its {@linkplain #paidAt debt is paid}. */
    public boolean isInDebt() {
        return inDebt;
    }

    /** Notes the round of a worker at which the debt is paid; 0 if that worker did none of the work. */
    public void payAt(final int worker, final long round) {
        paidAt[worker] = round;
        inDebt = true;
    }

    /** The round of a worker at which the debt is paid. */
    public long paidAt(final int worker) {
        return paidAt[worker];
    }

    /** Notes that the debt is paid. */
    public void payOff() {
        debt = 0;
        inDebt = false;
    }

    /** Forgets all bursts, and the last verdict. */
    void forget() {
        firstBurst = nextBurst;
        chainsNoted = 0;
        lastReceiver = null;
        payOff();
    }

    /** The receiver that the last frame's verdict named, when this one has the same addresses and nothing has changed; else null. */
    public Sink lastReceiver(final long destination, final long source, final long version) {
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
