package io.ringbridge.control.backend.ring;

import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.os.Epoll;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.PeerPipe;
import org.jspecify.annotations.Nullable;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Carries notifications between the pipes and sockets of one front-end and the switch's own eventfds.
 *
 * <pre>
 *  front-end                     rb-relay-NAME                 worker
 *  kick         pipe or socket  -- take, signal -->  eventfd   sleeps on it
 *  call, error  pipe or socket  <-- put, drain --    eventfd   signals it
 * </pre>
 *
 * <p>A front-end can block any thread that uses its pipe or socket ({@link PeerPipe}). Therefore only a thread of this
 * relay uses and closes them. The thread starts with the first such descriptor, and no other thread waits for it longer
 * than {@link #PATIENCE_MILLIS}. If it is blocked when the session ends, it closes everything once the front-end
 * unblocks it or ends. A port has at most {@link #THREADS} of these threads.
 *
 * <p>All methods are for the session's thread.
 */
public final class Relay implements AutoCloseable {
    private static final int THREADS = 4;
    /** The most replaced descriptors that a blocked thread may leave open. */
    private static final int MAX_RETIRED = 64;
    private static final long PATIENCE_MILLIS = 100;
    /** The interval at which withheld notifications are tried again. */
    private static final int WITHHELD_MILLIS = 20;

    private final String name;
    private final BooleanSupplier silenced;
    private final Semaphore threads;
    private final Deque<Line> retired = new ArrayDeque<>();
    private volatile Line[] lines = {};
    /** Null until a descriptor needs the thread. */
    private @Nullable Carrier carrier;
    private boolean over;
    private boolean paused;
    /** The number of the last pass that a caller requested, and of the last requested pass that has ended. */
    private long requested;
    private long done;
    private long passes;

    /** The thread, and the events that it waits for. */
    private record Carrier(Thread thread, Epoll epoll, EventFd wake) { }

    /** One descriptor of the front-end, and the eventfd that workers use in its place. */
    private final class Line implements PeerEvent {
        private final PeerPipe pipe;
        private final boolean kicks;
        private final EventFd event;
        /** Whether there is a notification to carry. Owned by the relay's thread. */
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
     * Creates a relay without a thread.
     *
     * @param name the name of the port
     * @param silenced whether the front-end must not be notified; called by the relay's thread
     * @param threads the port's permits for threads
     */
    public Relay(final String name, final BooleanSupplier silenced, final Semaphore threads) {
        this.name = name;
        this.silenced = silenced;
        this.threads = threads;
    }

    /** Returns the permits of a port for the threads of its sessions. */
    public static Semaphore permits() {
        return new Semaphore(THREADS);
    }

    /** Takes ownership of a descriptor that the front-end writes to. Closes it if this method throws. */
    public PeerEvent kick(final int fd) {
        if (EventFd.isOne(fd)) {
            final EventFd event = EventFd.adopt(fd);
            if (!event.isSemaphore()) { // a semaphore would wake a worker once per kick, however late it drains
                return new PeerEvent.Direct(event);
            }
        }
        return line(PeerPipe.adopt(fd, true), true);
    }

    /** Takes ownership of a descriptor that the front-end reads from. Closes it if this method throws. */
    public PeerEvent notification(final int fd) {
        return EventFd.isOne(fd) ? new PeerEvent.Direct(EventFd.adopt(fd)) : line(PeerPipe.adopt(fd, false), false);
    }

    private synchronized PeerEvent line(final PeerPipe pipe, final boolean kicks) {
        EventFd event = null;
        try {
            if (retired.size() >= MAX_RETIRED) {
                throw ProtocolException.refused(MAX_RETIRED + " replaced pipes and sockets wait to be closed;"
                    + " no more are allowed");
            }
            final Epoll epoll = begin().epoll();
            event = EventFd.create();
            final Line line = new Line(pipe, event, kicks);
            final Line[] before = lines;
            lines = Arrays.copyOf(before, before.length + 1);
            lines[before.length] = line; // before epoll can report it
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

    private Carrier begin() {
        if (carrier != null) {
            return carrier;
        }
        if (!threads.tryAcquire()) {
            throw ProtocolException.refused("pipes or sockets of " + THREADS + " earlier connections are blocked;"
                + " only an eventfd is allowed");
        }
        EventFd wake = null;
        Epoll epoll = null;
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
        final Carrier begun = new Carrier(thread(epoll, wake), epoll, wake);
        carrier = begun;
        begun.thread().start();
        return begun;
    }

    private Thread thread(final Epoll epoll, final EventFd wake) {
        return Thread.ofPlatform().daemon().name("rb-relay-" + name).unstarted(() -> run(epoll, wake));
    }

    private void run(final Epoll epoll, final EventFd wake) {
        boolean more = false;
        while (awaitTurn()) {
            epoll.await(more ? 0 : isWithholding() ? WITHHELD_MILLIS : -1);
            wake.drain();
            more = pass(epoll);
        }
        pass(epoll);
        epoll.close();
        wake.close();
        threads.release();
    }

    /**
     * Waits while the relay is paused.
     *
     * @return false if the relay is closed
     */
    private synchronized boolean awaitTurn() {
        while (paused && !over && retired.isEmpty()) {
            done = requested;
            notifyAll();
            try {
                wait();
            } catch (final InterruptedException e) {
                over = true; // nobody interrupts this thread
            }
        }
        return !over;
    }

    private boolean isWithholding() {
        for (final Line line : lines) {
            if (line.ready && !line.kicks) {
                return true;
            }
        }
        return false;
    }

    /**
     * Carries pending notifications, and closes retired lines.
     *
     * @return whether there may be more notifications
     */
    private boolean pass(final Epoll epoll) {
        final Line[] here = lines;
        final Line[] leaving;
        final long request;
        final boolean pausing;
        synchronized (this) {
            leaving = retired.toArray(Line[]::new);
            retired.clear();
            request = requested;
            pausing = paused;
        }
        for (final Line line : here) {
            line.ready |= epoll.isReady(line.watched());
        }
        boolean more = false;
        if (pausing) {
            more = true; // the events of this wait are not reported again
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

    /** Returns the number of passes that the thread has made. */
    synchronized long passes() {
        return passes;
    }

    /** Waits until all notifications signalled so far have been carried, or until the thread is found to be blocked. */
    public synchronized void settle() {
        if (carrier == null || done < requested) {
            return; // there is no thread, or it has been blocked since the last call
        }
        final long request = ++requested;
        carrier.wake().signal();
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

    /** Carries nothing more until {@link #resume}. Kicks stay in their pipes, for the process that owns them next. */
    public synchronized void pause() {
        settle();
        paused = true;
        settle();
    }

    /** Resumes after {@link #pause}. */
    public synchronized void resume() {
        paused = false;
        if (carrier != null) {
            carrier.wake().signal();
            notifyAll();
        }
    }

    /** Closes every descriptor; if the thread is blocked, later. No worker may use an event any more. */
    @Override
    public void close() {
        final Thread thread;
        synchronized (this) {
            over = true;
            retired.addAll(Arrays.asList(lines));
            lines = new Line[0];
            if (carrier == null) {
                return;
            }
            thread = carrier.thread();
            carrier.wake().signal();
            notifyAll();
        }
        try {
            thread.join(PATIENCE_MILLIS);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
