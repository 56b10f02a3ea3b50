package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.os.Epoll;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.PeerPipe;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Carries notifications between the pipes and sockets of one front-end and eventfds of the switch's own.
 *
 * <pre>
 *  front-end                     rb-relay-NAME                 worker
 *  kick         pipe or socket  -- take, signal -->  eventfd   sleeps on it
 *  call, error  pipe or socket  <-- put, drain --    eventfd   signals it
 * </pre>
 *
 * <p>A front-end can make whoever uses its pipe or socket wait ({@link PeerPipe}). So only a thread of this session does,
 * closing included. It exists from the first such descriptor on, and nobody waits for it longer than {@link #PATIENCE_MILLIS}.
 * If it is stuck when the session ends, it closes everything once the front-end resumes or ends. A port has at most
 * {@link #THREADS} of them.
 *
 * <p>The rest is for the session's thread.
 */
final class Relay implements AutoCloseable {
    private static final int THREADS = 4;
    /** Descriptors that were replaced, and that a stuck thread has not closed. */
    private static final int MOST_RETIRED = 64;
    private static final long PATIENCE_MILLIS = 100;
    /** How often to look whether what is held back may be sent. */
    private static final int HELD_MILLIS = 20;

    private final String name;
    private final BooleanSupplier silenced;
    private final Semaphore threads;
    private final Deque<Line> retired = new ArrayDeque<>();
    private volatile Line[] lines = {};
    private Epoll epoll;
    private EventFd wake;
    private Thread thread;
    private boolean over;
    private boolean resting;
    /** Passes of the thread that were waited for, and the last of them that has ended. */
    private long asked;
    private long done;
    private long passes;

    /** One descriptor of the front-end, and the eventfd that stands for it. */
    private final class Line implements PeerEvent {
        private final PeerPipe pipe;
        private final boolean kicks;
        private final EventFd event;
        /** There is something to carry. The thread's own. */
        private boolean ready;

        Line(final PeerPipe pipe, final EventFd event, final boolean kicks) {
            this.pipe = pipe;
            this.event = event;
            this.kicks = kicks;
        }

        @Override
        public EventFd event() {
            return event;
        }

        @Override
        public int fd() {
            return pipe.fd();
        }

        private int watched() {
            return kicks ? pipe.fd() : event.fd();
        }

        @Override
        public void close() {
            retire(this);
        }
    }

    /**
     * Makes one that carries nothing yet.
     *
     * @param name the port's
     * @param silenced whether the front-end is not to be notified; asked by the thread
     * @param threads the port's permits
     */
    Relay(final String name, final BooleanSupplier silenced, final Semaphore threads) {
        this.name = name;
        this.silenced = silenced;
        this.threads = threads;
    }

    /** Returns the permits of a port for the threads of its sessions. */
    static Semaphore permits() {
        return new Semaphore(THREADS);
    }

    /** Takes over a descriptor that the front-end writes to. It is closed if it is refused. */
    PeerEvent kick(final int fd) {
        if (EventFd.isOne(fd)) {
            final EventFd event = EventFd.adopt(fd);
            if (!event.isSemaphore()) { // a worker would be woken once per kick, however late it drains
                return new PeerEvent.Direct(event);
            }
        }
        return line(PeerPipe.adopt(fd, true), true);
    }

    /** Takes over a descriptor that the front-end reads from. It is closed if it is refused. */
    PeerEvent notification(final int fd) {
        return EventFd.isOne(fd) ? new PeerEvent.Direct(EventFd.adopt(fd)) : line(PeerPipe.adopt(fd, false), false);
    }

    private synchronized PeerEvent line(final PeerPipe pipe, final boolean kicks) {
        EventFd event = null;
        try {
            if (retired.size() >= MOST_RETIRED) {
                throw ProtocolException.refused(MOST_RETIRED + " replaced pipes and sockets wait to be closed;"
                    + " no more are allowed");
            }
            begin();
            event = EventFd.create();
            final Line line = new Line(pipe, event, kicks);
            final Line[] before = lines;
            lines = Arrays.copyOf(before, before.length + 1);
            lines[before.length] = line; // before it is heard
            try {
                epoll.watch(line.watched());
            } catch (final OsException e) {
                lines = before;
                throw e;
            }
            return line;
        } catch (final OsException | ProtocolException e) {
            Fd.abandon(pipe.fd());
            if (event != null) {
                event.close();
            }
            throw e;
        }
    }

    private void begin() {
        if (thread != null) {
            return;
        }
        if (!threads.tryAcquire()) {
            throw ProtocolException.refused("front-ends block pipes or sockets of " + THREADS + " earlier connections;"
                + " only an eventfd is allowed");
        }
        try {
            wake = EventFd.create();
            epoll = Epoll.create();
            epoll.watch(wake.fd());
        } catch (final OsException e) {
            if (epoll != null) {
                epoll.close();
            }
            if (wake != null) {
                wake.close();
            }
            threads.release();
            throw e;
        }
        thread = Thread.ofPlatform().daemon().name("rb-relay-" + name).start(this::run);
    }

    private void run() {
        boolean more = false;
        while (awaitTurn()) {
            epoll.await(more ? 0 : isHoldingBack() ? HELD_MILLIS : -1);
            wake.drain();
            more = pass();
        }
        pass();
        epoll.close();
        wake.close();
        threads.release();
    }

    /** Waits while this rests. @return false if it is over */
    private synchronized boolean awaitTurn() {
        while (resting && !over && retired.isEmpty()) {
            done = asked;
            notifyAll();
            try {
                wait();
            } catch (final InterruptedException e) {
                over = true; // nobody does that
            }
        }
        return !over;
    }

    private boolean isHoldingBack() {
        for (final Line line : lines) {
            if (line.ready && !line.kicks) {
                return true;
            }
        }
        return false;
    }

    /** Carries what is there. @return whether there may be more */
    private boolean pass() {
        final Line[] here = lines;
        final Line[] leaving;
        final long request;
        final boolean rests;
        synchronized (this) {
            leaving = retired.toArray(Line[]::new);
            retired.clear();
            request = asked;
            rests = resting;
        }
        for (final Line line : here) {
            line.ready |= epoll.isReady(line.watched());
        }
        boolean more = false;
        if (rests) {
            more = true; // what ended this wait does not end another
        } else {
            more = carryKicks(here);
            carryNotifications(here);
            for (final Line line : leaving) {
                line.ready = true;
            }
            carryNotifications(leaving);
        }
        for (final Line line : leaving) {
            epoll.unwatch(line.watched());
            line.event.close();
            line.pipe.close();
        }
        synchronized (this) {
            passes++;
            done = request;
            notifyAll();
        }
        return more;
    }

    private static boolean carryKicks(final Line[] here) {
        boolean more = false;
        for (final Line line : here) {
            if (line.kicks && line.ready) {
                line.ready = line.pipe.take();
                more |= line.ready;
                for (final Line each : here) {
                    // Rings may share a pipe, and only one reader gets the bytes.
                    if (each.kicks && each.pipe.isSame(line.pipe)) {
                        each.event.signal();
                    }
                }
            }
        }
        return more;
    }

    private void carryNotifications(final Line[] some) {
        for (final Line line : some) {
            if (!line.kicks && line.ready && !silenced.getAsBoolean()) {
                line.ready = false;
                if (line.event.drain()) {
                    line.pipe.put();
                }
            }
        }
    }

    /** Returns how many times the thread has looked for something to carry. */
    synchronized long passes() {
        return passes;
    }

    /** Returns when what was signalled before has been carried, or the thread is stuck. */
    synchronized void settle() {
        if (thread == null || done < asked) {
            return; // not there, or stuck since the last time
        }
        final long request = ++asked;
        wake.signal();
        notifyAll();
        final long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS);
        try {
            long left = PATIENCE_MILLIS;
            while (done < request && left > 0) {
                wait(left);
                left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void retire(final Line line) {
        final Line[] rest = Arrays.stream(lines).filter(each -> each != line).toArray(Line[]::new);
        if (rest.length == lines.length) {
            return;
        }
        lines = rest;
        retired.add(line);
        settle();
    }

    /** Carries nothing more until {@link #goOn}: kicks stay in their pipes, for the process that takes them over. */
    synchronized void rest() {
        settle();
        resting = true;
        settle();
    }

    /** Resumes after {@link #rest}. */
    synchronized void goOn() {
        resting = false;
        if (thread != null) {
            wake.signal();
            notifyAll();
        }
    }

    /** Closes every descriptor, in the end if the thread is stuck. No worker may use an event any more. */
    @Override
    public void close() {
        synchronized (this) {
            over = true;
            retired.addAll(Arrays.asList(lines));
            lines = new Line[0];
            if (thread == null) {
                return;
            }
            wake.signal();
            notifyAll();
        }
        try {
            thread.join(PATIENCE_MILLIS);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
