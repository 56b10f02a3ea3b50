package io.ringbridge.control.uplink;

import io.ringbridge.control.Link;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.SavedCounters;
import io.ringbridge.control.handover.Standstill;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.port.UplinkQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.List;

/**
 * Holds what an uplink's port reads and writes, on a thread of its own: looks after it, and when it goes, opens it again once it can.
 *
 * <p>Another process takes the device over as it is, with the frames that were read and not taken. One that had gone is opened again there,
 * once it can be.
 */
abstract class DeviceLink implements Link {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceLink.class);
    private static final int TICK_MILLIS = 1000;

    private final UplinkPort port;
    private final String what;
    private final Thread thread;
    private final Standstill standstill = new Standstill();
    private boolean isOpen;
    private boolean held;

    /**
     * Makes one.
     *
     * @param port has to be detached, and commanded by nobody else
     * @param what what is held, for messages
     */
    DeviceLink(final UplinkPort port, final String what) {
        this.port = port;
        this.what = what;
        thread = Thread.ofPlatform().daemon().name("rb-uplink-" + port.name()).unstarted(this::run);
    }

    /** Opens, and begins to look after what was opened. */
    final void start() {
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
     * Opens what the port reads and writes, and attaches it.
     *
     * @throws OsException when it cannot be had; nothing stays open then
     */
    abstract void open();

    /**
     * Closes what was opened; the port is detached.
     *
     * @param forGood false where another process has it as well, which is not to notice
     */
    abstract void shut(boolean forGood);

    /** Writes down what is open, for another process. */
    abstract void saveDevice(StateWriter out);

    /** Takes over what another process has open, and attaches the port, which is suspended. What does not fit leaves nothing open. */
    abstract void adoptDevice(StateReader in);

    /** Whether it makes sense to try to open again. */
    abstract boolean isThere();

    /** Has a look at what is open, once a second; false when it has to be opened anew. */
    abstract boolean follow();

    /** Whether frames that are written to what is open can go on from there. */
    boolean hasCarrier() {
        return true;
    }

    final UplinkPort port() {
        return port;
    }

    /** Gives the port the MTU that its device has; one below 1 is none. */
    final void followMtu(final int mtu) {
        if (mtu > 0 && mtu != port.mtu()) {
            port.mtu(mtu);
            LOG.info("port {}: mtu {}, as {} has it", port.name(), mtu, what);
        }
    }

    private void run() {
        try {
            while (standstill.isOpen()) {
                standstill.pause(TICK_MILLIS);
                if (standstill.isAsked()) {
                    standstill.stand();
                } else if (standstill.isOpen()) {
                    look();
                }
            }
        } catch (final InterruptedException e) {
            LOG.error("port {}: interrupted; {} is given up", port.name(), what);
        } finally {
            giveUp(!standstill.isLeft());
            port.state(PortState.WAITING);
        }
    }

    private void look() {
        try {
            tick();
        } catch (final RuntimeException e) {
            LOG.error("port {}: {} is given up for now", port.name(), what, e);
            giveUp(true);
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
            LOG.warn("port {}: {}", port.name(), failure.startsWith(what) ? failure : what + ": " + failure);
        }
        giveUp(true);
        if (!isThere()) {
            return;
        }
        try {
            open();
            isOpen = true;
            if (failure != null) {
                LOG.info("port {}: {} is back", port.name(), what);
            }
        } catch (final OsException e) {
            if (!e.getMessage().equals(port.failure())) {
                LOG.warn("port {}: {}", port.name(), e.getMessage());
                port.fail(e.getMessage());
            }
        }
    }

    private void giveUp(final boolean forGood) {
        if (isOpen) {
            isOpen = false;
            port.detach();
            shut(forGood);
        }
    }

    @Override
    public final void ask() {
        standstill.ask();
    }

    @Override
    public final void awaitStandstill(final long limitMillis) {
        try {
            if (!standstill.await(limitMillis)) {
                throw new HandOverException("port " + port.name() + ": " + what + " is not let alone");
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HandOverException("interrupted", e);
        }
    }

    @Override
    public void save(final StateWriter out) {
        final String failure = port.failure();
        final boolean open = isOpen && failure == null;
        out.text(failure == null ? "" : failure).flag(open);
        if (open) {
            saveDevice(out);
        }
    }

    /** Takes over what another process has saved, on a port that is new and suspended; no thread is started. */
    final void adopt(final StateReader in) {
        final String failure = in.text();
        if (in.flag()) {
            adoptDevice(in);
            isOpen = true;
        } else if (!failure.isEmpty()) {
            port.fail(failure);
        }
        try {
            in.end();
        } catch (final HandOverException e) {
            giveUp(false);
            throw e;
        }
    }

    @Override
    public void hold() {
        held = true;
    }

    final boolean isHeld() {
        return held;
    }

    final boolean isOpen() {
        return isOpen;
    }

    @Override
    public void goOn() {
        held = false;
        standstill.goOn();
    }

    @Override
    public void savePositions(final StateWriter out) {
        SavedCounters.save(port, out);
        final List<List<byte[]>> ready = held ? port.ready() : List.of();
        out.number(ready.size());
        ready.forEach(frames -> saveFrames(frames, out));
    }

    static void saveFrames(final List<byte[]> frames, final StateWriter out) {
        out.number(frames.size());
        frames.forEach(out::bytes);
    }

    static List<byte[]> restoreFrames(final int most, final StateReader in) {
        final List<byte[]> frames = new ArrayList<>();
        for (int left = in.count(most); left > 0; left--) {
            frames.add(in.bytes());
        }
        return frames;
    }

    @Override
    public void restorePositions(final StateReader in) {
        SavedCounters.restore(port, in);
        final int queues = port.queues().size();
        if (in.number() != queues) {
            throw new HandOverException("there are frames of another number of queues than the " + queues + " of this port");
        }
        final List<List<byte[]>> ready = new ArrayList<>();
        for (int i = 0; i < queues; i++) {
            ready.add(restoreFrames(Integer.MAX_VALUE, in));
            if (!UplinkQueue.canBeReady(ready.getLast()) || !isOpen && !ready.getLast().isEmpty()) {
                throw new HandOverException("there are frames that no queue can have read");
            }
        }
        if (isOpen) {
            port.ready(ready);
        }
    }

    @Override
    public final void letGo() {
        standstill.leave();
        if (thread.getState() == Thread.State.NEW) {
            giveUp(false);
        } else {
            join();
        }
    }

    @Override
    public final void awaitEnd() throws InterruptedException {
        thread.join();
    }

    @Override
    public final void close() {
        if (standstill.isLeft()) {
            return;
        }
        standstill.end();
        if (thread.getState() == Thread.State.NEW) {
            giveUp(true);
        } else {
            join();
        }
    }

    private void join() {
        try {
            thread.join();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
