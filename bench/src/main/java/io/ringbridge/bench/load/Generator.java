package io.ringbridge.bench.load;

import io.ringbridge.datapath.driver.Receiver;
import io.ringbridge.datapath.os.Epoll;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.YieldingIdleStrategy;

import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Runs some lanes for one trial. Either one thread calls {@link #carry}, or one thread calls {@link #send} and another
 * {@link #receiveNotified}.
 */
final class Generator {
    /**
     * A running back-end returns a frame within microseconds. If the back-end is not running, it may need this
     * processor, so the thread yields.
     */
    private static final long SPINS = 2000;
    /** If no frame has arrived for this long, none will. */
    private static final long SILENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final int WAKE_MILLIS = 20;

    private final List<LaneSender> senders;
    private final List<LaneReceiver> receivers;
    private final long start;
    private final long nanos;
    private final boolean whole;

    /**
     * Prepares a trial.
     *
     * @param senders the senders of this generator's lanes
     * @param receivers the receivers of the same lanes
     * @param start the start of the trial, in {@link System#nanoTime} units
     */
    Generator(final List<LaneSender> senders, final List<LaneReceiver> receivers, final long start, final Load load) {
        this.senders = senders;
        this.receivers = receivers;
        this.start = start;
        nanos = load.duration().toNanos();
        whole = load.whole();
    }

    /** Sends and receives alternately. */
    void carry() {
        final IdleStrategy idle = idle();
        long now = System.nanoTime();
        while (now - start < nanos) {
            idle.idle(sendDue(now) + receiveAll());
            now = System.nanoTime();
        }
        receivers.forEach(LaneReceiver::endInTime);
        if (whole) {
            sendLate(idle);
        }
        senders.forEach(LaneSender::end);
        now = System.nanoTime();
        long heard = now;
        while (!isComplete() && now - heard < SILENCE_NANOS) {
            final int count = receiveAll();
            idle.idle(count);
            now = System.nanoTime();
            heard = count > 0 ? now : heard;
        }
    }

    /** Sends the frames that were due before the end of the trial. Ends early if no frames move for a while. */
    private void sendLate(final IdleStrategy idle) {
        final long last = start + nanos - 1;
        long now = System.nanoTime();
        long moved = now;
        while (isLate(last) && now - moved < SILENCE_NANOS) {
            final int count = sendDue(last) + receiveAll();
            idle.idle(count);
            now = System.nanoTime();
            moved = count > 0 ? now : moved;
        }
    }

    private boolean isLate(final long last) {
        for (int i = 0; i < senders.size(); i++) {
            if (senders.get(i).isDue(last)) {
                return true;
            }
        }
        return false;
    }

    /** Sends the frames that are due, and yields in between because the receiving thread may need the processor. */
    void send() {
        long now = System.nanoTime();
        while (now - start < nanos) {
            YieldingIdleStrategy.INSTANCE.idle(sendDue(now));
            now = System.nanoTime();
        }
        senders.forEach(LaneSender::end);
    }

    /** Receives frames. If there are none, sleeps until the back-end notifies. */
    void receiveNotified() {
        try (Epoll epoll = Epoll.create()) {
            final List<Receiver> queues = receivers.stream().flatMap(lane -> lane.receivers().stream()).toList();
            queues.forEach(queue -> epoll.add(queue.call()));
            boolean sending = true;
            long now = System.nanoTime();
            long heard = now;
            while (sending || !isComplete() && now - heard < SILENCE_NANOS) {
                final int count = receiveAll();
                if (count == 0 && !want(true)) {
                    epoll.await(WAKE_MILLIS);
                    queues.forEach(queue -> queue.call().drain());
                    want(false);
                }
                now = System.nanoTime();
                heard = count > 0 || sending ? now : heard;
                if (sending && now - start >= nanos) {
                    receivers.forEach(LaneReceiver::endInTime);
                    sending = false;
                }
            }
            want(false);
            epollRemove(epoll, queues);
        }
    }

    private static void epollRemove(final Epoll epoll, final List<Receiver> queues) {
        queues.forEach(queue -> epoll.remove(queue.call()));
    }

    private boolean want(final boolean wanted) {
        boolean there = false;
        for (int i = 0; i < receivers.size(); i++) {
            there |= receivers.get(i).wantNotification(wanted);
        }
        return there;
    }

    private int sendDue(final long now) {
        int count = 0;
        for (int i = 0; i < senders.size(); i++) {
            count += senders.get(i).send(now);
        }
        return count;
    }

    private int receiveAll() {
        int count = 0;
        for (int i = 0; i < receivers.size(); i++) {
            count += receivers.get(i).receive();
        }
        return count;
    }

    private boolean isComplete() {
        for (int i = 0; i < receivers.size(); i++) {
            if (!receivers.get(i).isComplete()) {
                return false;
            }
        }
        return true;
    }

    private static IdleStrategy idle() {
        return new BackoffIdleStrategy(SPINS, Long.MAX_VALUE, 1, 1);
    }
}
