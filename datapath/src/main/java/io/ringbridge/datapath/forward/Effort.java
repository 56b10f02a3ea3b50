package io.ringbridge.datapath.forward;

import com.lmax.disruptor.Sequence;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.ReceiveQueue;
import io.ringbridge.datapath.port.Source;
import org.jspecify.annotations.Nullable;

/**
 * Accounts for the work that a worker does for each queue, so that no queue exceeds its share: a deficit round robin.
 *
 * <p>A unit is about the cost of copying 64 bytes. Every queue has a share of units per round of its worker. A queue
 * whose frames cost more is in debt. The worker takes nothing from it until later rounds, of this worker and of those
 * that did the work, have paid the debt. A round without work counts as all the rounds that the queue with the shortest
 * wait still waits for. A queue therefore waits only if others have work, and a longer debt is not forgiven with it.
 *
 * <p>Work for frames is charged to the queue that they come from. Work for receive buffers of an unusual shape is
 * charged to the queue that they are in.
 *
 * <p>Owned by one worker; any thread may read {@link #round}.
 */
public final class Effort {
    /** Taking, classifying and delivering a contiguous frame, without its bytes. */
    static final int FRAME = 6;
    /** Preparing a segment and finding buffers for it. */
    static final int SEGMENT = 16;
    /** Taking and returning a receive buffer that is merged with others. */
    static final int BUFFER = 4;
    /** A system call that reads or writes a frame. */
    static final int CALL = 64;
    /** Bytes copied per unit, as a shift. */
    static final int BYTES = 6;
    /** The most work per burst; the rest stays in its queue. Allows 512 KiB of copies, or 4096 descriptors. */
    static final int BURST = 8192;

    /** The work per round that a queue may cause: a burst of small frames. */
    private static final int SHARE = Ingress.BURST * (FRAME + 1);
    /** The work per round that the shape of a receive queue's buffers may cause. */
    private static final int RECEIVER_SHARE = 64;
    /** The debt up to which a queue may still take frames. Bursts of full frames rarely wait. */
    private static final int LIMIT = 4096;
    /** The rounds of a worker without work if no queue waits: longer than a debt lasts, and no overflow in 20 years. */
    private static final int IDLE_ROUNDS = 1 << 10;
    /** The work per delivered frame that its sender pays, whatever the shape of the buffers. Long frames cost more. */
    private static final int ORDINARY = 64;
    private static final int ORDINARY_BYTES = 7;
    private static final int NONE = -1;

    private final int own;
    private final Effort[] workers;
    private final Inbox[] inboxes;
    private final PortList ports;
    private final Sequence rounds = new Sequence(0);
    private long spent;
    /** The queue left out of this round that has the shortest wait, or null. */
    private @Nullable Source next;
    private long shortest;
    /** The same of the last round. Any thread may read. */
    private volatile @Nullable Source awaited;
    private int floodVlan = NONE;
    private int fanOut;
    private final long[] bills;

    /**
     * Creates the account of a worker.
     *
     * @param workers the accounts of all workers, this one included; complete before the first round
     * @param inboxes the inboxes of all workers
     */
    public Effort(final int own, final Effort[] workers, final Inbox[] inboxes, final PortList ports) {
        this.own = own;
        this.workers = workers;
        this.inboxes = inboxes;
        this.ports = ports;
        bills = new long[workers.length];
    }

    /** Returns the number of this worker's round. */
    public long round() {
        return rounds.get();
    }

    /** Sets the number of the next round, before the first: that of former workers, so that debts to them stay. */
    public void continueAt(final long round) {
        rounds.set(round);
    }

    /** Discards work that no queue is charged for. */
    void forget() {
        spent = 0;
    }

    /** Resets the cached number of ports that frames are flooded to. Called at the start of a burst. */
    void beginFloods() {
        floodVlan = NONE;
    }

    /**
     * Returns the number of ports that a frame is flooded to.
     *
     * @param source the index of the port that the frame came from
     * @param vlan the frame's VLAN, or 0 if it is in none
     */
    int fanOut(final int source, final int vlan) {
        if (vlan != floodVlan) {
            floodVlan = vlan;
            fanOut = 0;
            for (final Port port : ports.present()) {
                fanOut += port.index() != source && port.receivers().length > 0 && port.carries(vlan) ? 1 : 0;
            }
        }
        return fanOut;
    }

    /** Adds work for the queue that is being polled. */
    void spend(final long work) {
        spent += work;
    }

    /** Adds work for the queue that a frame came from. */
    void spend(final Frame frame, final long work) {
        final Source origin = frame.origin();
        if (origin == null) {
            spent += work;
        } else {
            origin.bill(own, work);
        }
    }

    /** Adds work for a frame or segment put into buffers of any shape. The receiver pays for unusual work. */
    void spend(final Frame frame, final int bytes, final long work, final ReceiveQueue receiver) {
        final int ordinary = ORDINARY + (bytes >>> ORDINARY_BYTES);
        spend(frame, Math.min(work, ordinary));
        if (work > ordinary) {
            receiver.charge(work - ordinary, own, round(), RECEIVER_SHARE, LIMIT);
        }
    }

    /** Returns whether a receive queue gets no frames in this round. */
    boolean bars(final ReceiveQueue receiver) {
        return receiver.isBarred(own, rounds.get());
    }

    /** Returns whether a queue must be left out of this round. */
    boolean leavesOut(final Source source) {
        final long wait = wait(source);
        if (wait <= 0) {
            source.payOff();
            return false;
        }
        if (next == null || wait < shortest) {
            next = source;
            shortest = wait;
        }
        return true;
    }

    /** Returns the largest number of rounds that a worker has to do until a queue's debt is paid, or 0 if it is. */
    private long wait(final Source source) {
        long wait = 0;
        for (int i = 0; i < workers.length; i++) {
            final long left = source.paidAt(i) - workers[i].round();
            wait = left > wait && !inboxes[i].isAsleep() ? left : wait;
        }
        return wait;
    }

    /**
     * Charges the work since the last call to a queue.
     *
     * @param sequences per worker, the last sequence in its frame ring with a frame of the queue's last burst; negative
     *     for none
     */
    void settle(final Source source, final long[] sequences) {
        long work = spent;
        spent = 0;
        if (workers.length > 1) {
            for (int i = 0; i < workers.length; i++) {
                bills[i] = source.newBill(i);
                work += bills[i];
            }
        }
        final long debt = source.charge(work, SHARE);
        if (source.isInDebt() ? work >= SHARE : debt > LIMIT) {
            final long more = (source.isInDebt() ? work : debt) / SHARE;
            for (int i = 0; i < workers.length; i++) {
                final boolean worked = i == own || bills[i] > 0 || sequences[i] >= 0;
                source.payAt(i, worked ? Math.max(source.paidAt(i), workers[i].round()) + more
                    : source.paidAt(i));
            }
        }
    }

    /**
     * Ends a round.
     *
     * @return whether no work was done although a queue that was left out may have frames
     */
    public boolean endRound(final boolean worked) {
        final boolean again = !worked && next != null;
        if (awaited != next) {
            awaited = next;
        }
        next = null;
        rounds.set(rounds.get() + (worked ? 1 : idleRounds()));
        return again;
    }

    /** Returns the rounds that a round without work counts as. */
    private long idleRounds() {
        long least = Long.MAX_VALUE;
        long left = IDLE_ROUNDS;
        for (final Effort worker : workers) {
            final Source source = worker.awaited;
            if (source == null) {
                continue;
            }
            final long wait = wait(source);
            if (wait > 0 && wait < least) {
                least = wait;
                left = Math.max(0, source.paidAt(own) - rounds.get());
            }
        }
        return left;
    }
}
