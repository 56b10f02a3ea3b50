package io.ringbridge.control.uplink;

import io.ringbridge.control.Link;
import io.ringbridge.control.event.EventKind;
import io.ringbridge.control.event.PortEvents;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.PausePoint;
import io.ringbridge.control.handover.SavedCounters;
import io.ringbridge.control.handover.SavedInterruptions;
import io.ringbridge.control.handover.SectionKind;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.UplinkPort;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/**
 * Keeps the device of an uplink's port open. Thread {@code rb-uplink-NAME} checks the device once per second, and opens
 * it again after it has failed, as soon as that is possible. The thread owns the device and commands the port; while it
 * is paused, and before it has started, the thread that performs the hand-over does.
 *
 * <p>In a hand-over, the other process receives the open device, and the frames that were read from it but not taken by
 * the worker. If the device has failed, the other process opens it again as soon as that is possible.
 */
abstract class DeviceLink implements Link {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceLink.class);
    private static final int TICK_MILLIS = 1000;

    private final UplinkPort port;
    private final PortEvents events;
    private final String what;
    private final @Nullable SectionKind device;
    private final Thread thread;
    private final PausePoint pausePoint = new PausePoint();
    private boolean isOpen;
    /** Whether the other process of a hand-over receives the device. One that has failed stays here. */
    private boolean handsOver;
    private boolean parked;

    /**
     * Prepares a link; its thread is not started.
     *
     * @param port a detached port that nobody else commands
     * @param events reports the events of the port
     * @param what a description of the device, for messages
     * @param device the section of the open device in the hand-over; null if the other process opens its own
     */
    DeviceLink(final UplinkPort port, final PortEvents events, final String what, final @Nullable SectionKind device) {
        this.port = port;
        this.events = events;
        this.what = what;
        this.device = device;
        thread = Thread.ofPlatform().daemon().name("rb-uplink-" + port.name()).unstarted(this::run);
    }

    /** Opens the device, and starts the thread that checks it. */
    final void startThread() {
        open();
        isOpen = true;
        serve();
    }

    @Override
    public final void serve() {
        if (thread.getState() == Thread.State.NEW) {
            thread.start();
        }
    }

    /**
     * Opens the device, and attaches the port to it.
     *
     * @throws OsException if the device cannot be opened; nothing stays open then
     */
    abstract void open();

    /**
     * Closes the device. The port is detached.
     *
     * @param forGood false if another process owns the device now and must not notice
     */
    abstract void shut(boolean forGood);

    /** Writes the open device for another process. */
    abstract void saveDevice(StateWriter out);

    /**
     * Adopts the device that another process has open, and attaches the suspended port. Leaves nothing open if it
     * throws.
     */
    abstract void adoptDevice(StateReader in);

    /** Whether it makes sense to try to open the device again. */
    abstract boolean canReopen();

    /**
     * Checks the open device, once per second.
     *
     * @return false if the device has to be opened again
     */
    abstract boolean follow();

    /** Whether frames that are written to the device can leave it. */
    boolean hasCarrier() {
        return true;
    }

    /** Rests between two checks of the device. Returns early if the link is to pause or to end. */
    void rest() throws InterruptedException {
        sleep(TICK_MILLIS);
    }

    final void sleep(final long millis) throws InterruptedException {
        pausePoint.sleep(millis);
    }

    /**
     * Makes {@link #open} return soon, because the link is to pause or to end. Any thread may call.
     *
     * @param ending whether the link is to end
     */
    void hurry(final boolean ending) {
        // A device opens without delay.
    }

    /** Whether the link is neither to pause nor to end. */
    final boolean isServing() {
        return pausePoint.isOpen() && !pausePoint.isRequested();
    }

    final UplinkPort port() {
        return port;
    }

    final PortEvents events() {
        return events;
    }

    /** Gives the port the MTU of its device. An MTU below 1 means that the device has none. */
    final void followMtu(final int mtu) {
        if (mtu > 0 && mtu != port.mtu()) {
            port.mtu(mtu);
            events.report(EventKind.CHANGED, "mtu " + mtu + ", following " + what, Map.of("mtu", mtu));
        }
    }

    private void run() {
        try {
            while (pausePoint.isOpen()) {
                rest();
                if (pausePoint.isRequested()) {
                    pausePoint.pauseIfRequested();
                } else if (pausePoint.isOpen()) {
                    check();
                }
            }
        } catch (final InterruptedException e) {
            LOG.error("port {}: interrupted; closing {}", port.name(), what);
        } finally {
            closeDevice(!pausePoint.isRelinquished());
            port.state(PortState.WAITING);
        }
    }

    private void check() {
        try {
            tick();
        } catch (final RuntimeException e) {
            LOG.error("port {}: closing {} after an internal error", port.name(), what, e);
            closeDevice(true);
            reportFailure(e.toString());
            port.fail(e.toString());
        }
    }

    private void tick() {
        if (port.failure() == null && isOpen && follow()) {
            port.carrierLost(!hasCarrier());
            return;
        }
        final String failure = port.failure();
        if (failure != null && isOpen) {
            reportFailure(failure.startsWith(what) ? failure : what + ": " + failure);
        }
        closeDevice(true);
        if (!canReopen()) {
            return;
        }
        try {
            open();
            isOpen = true;
            if (failure != null) {
                events.report(EventKind.RECOVERED, what + " is back");
            }
        } catch (final OsException e) {
            final String why = String.valueOf(e.getMessage());
            if (isServing() && !why.equals(port.failure())) {
                reportFailure(why);
                port.fail(why);
            }
        }
    }

    private void reportFailure(final String why) {
        events.report(EventKind.FAILED, why, Map.of("reason", why));
    }

    private void closeDevice(final boolean forGood) {
        if (isOpen) {
            isOpen = false;
            port.detach();
            shut(forGood);
        }
    }

    @Override
    public final void requestPause() {
        pausePoint.request();
        hurry(false);
    }

    @Override
    public final void awaitPaused(final long limitMillis) {
        try {
            if (!pausePoint.awaitPaused(limitMillis)) {
                throw new HandOverException("port " + port.name() + ": the thread of " + what + " did not pause within "
                    + limitMillis + " ms");
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HandOverException("port " + port.name() + ": interrupted while the thread of " + what + " pauses",
                e);
        }
    }

    @Override
    public void saveState(final StateWriter out) {
        final String failure = port.failure();
        out.section(HandOverSections.UPLINK, section -> section.text(failure == null ? "" : failure));
        handsOver = device != null && isOpen && failure == null;
        if (device != null && handsOver) {
            out.section(device, this::saveDevice);
        }
    }

    /** Restores the state that another process saved, on a new, suspended port. Starts no thread. */
    final void adopt(final Sections in) {
        final String failure = in.get(HandOverSections.UPLINK).text();
        final Optional<StateReader> open = device == null ? Optional.empty() : in.find(device);
        if (open.isPresent()) {
            adoptDevice(open.get());
            isOpen = true;
        } else if (!failure.isEmpty()) {
            port.fail(failure);
        }
    }

    @Override
    public void park() {
        parked = true;
    }

    final boolean isParked() {
        return parked;
    }

    /** Whether {@link #saveState} has written the device. Without it, the other process has no use for its frames. */
    final boolean handsOver() {
        return handsOver;
    }

    final boolean isOpen() {
        return isOpen;
    }

    @Override
    public void resume() {
        parked = false;
        pausePoint.resume();
    }

    @Override
    public void savePositions(final StateWriter out) {
        SavedCounters.save(port, out);
        SavedInterruptions.save(port, out);
        SavedFrames.saveReady(port, parked && handsOver, out);
    }

    @Override
    public void restorePositions(final StateReader in) {
        restorePositions(
            in.sections(HandOverSections.COUNTERS, HandOverSections.INTERRUPTIONS, HandOverSections.FRAMES));
    }

    final void restorePositions(final Sections in) {
        SavedCounters.restore(port, in);
        SavedInterruptions.restore(port, in);
        SavedFrames.restoreReady(port, isOpen, in);
    }

    @Override
    public final void relinquish() {
        pausePoint.relinquish();
        if (thread.getState() == Thread.State.NEW) {
            closeDevice(false);
        } else {
            join(thread);
        }
    }

    @Override
    public final void awaitEnd() throws InterruptedException {
        thread.join();
    }

    @Override
    public final void close() {
        if (pausePoint.isRelinquished()) {
            return;
        }
        pausePoint.end();
        hurry(true);
        if (thread.getState() == Thread.State.NEW) {
            closeDevice(true);
        } else {
            join(thread);
        }
    }

    /** Wakes a thread that is parked, and waits until it has ended. */
    static void join(final Thread thread) {
        LockSupport.unpark(thread);
        try {
            thread.join();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
