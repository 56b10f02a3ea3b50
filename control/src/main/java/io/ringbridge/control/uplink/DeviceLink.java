package io.ringbridge.control.uplink;

import io.ringbridge.control.Link;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.UplinkPort;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Holds what an uplink's port reads and writes, on a thread of its own: looks after it, and when it goes, opens it again once it can. */
abstract class DeviceLink implements Link {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceLink.class);
    private static final int TICK_MILLIS = 1000;

    private final UplinkPort port;
    private final String what;
    private final Thread thread;
    private final CountDownLatch closing = new CountDownLatch(1);
    private boolean isOpen;

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
        thread.start();
    }

    /**
     * Opens what the port reads and writes, and attaches it.
     *
     * @throws OsException when it cannot be had; nothing stays open then
     */
    abstract void open();

    /** Closes what was opened; the port is detached. */
    abstract void shut();

    /** Whether it makes sense to try to open again. */
    abstract boolean isThere();

    /** Has a look at what is open, once a second; false when it has to be opened anew. */
    abstract boolean follow();

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
            while (!closing.await(TICK_MILLIS, TimeUnit.MILLISECONDS)) {
                try {
                    tick();
                } catch (final RuntimeException e) {
                    LOG.error("port {}: {} is given up for now", port.name(), what, e);
                    letGo();
                    port.fail(e.toString());
                }
            }
        } catch (final InterruptedException e) {
            LOG.error("port {}: interrupted; {} is given up", port.name(), what);
        } finally {
            letGo();
            port.state(PortState.WAITING);
        }
    }

    private void tick() {
        final String failure = port.failure();
        if (failure == null && follow()) {
            return;
        }
        if (failure != null && isOpen) {
            LOG.warn("port {}: {}: {}", port.name(), what, failure);
        }
        letGo();
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

    private void letGo() {
        if (isOpen) {
            isOpen = false;
            port.detach();
            shut();
        }
    }

    @Override
    public final void awaitEnd() throws InterruptedException {
        thread.join();
    }

    @Override
    public final void close() {
        closing.countDown();
        try {
            thread.join();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
