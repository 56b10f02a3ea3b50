package io.ringbridge.control.tap;

import io.ringbridge.control.Link;
import io.ringbridge.datapath.os.NetDevice;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Tap;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.TapPort;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Holds a tap device for a port, on a thread of its own: follows its MTU, and when the device goes, opens it again once it can.
 *
 * <p>A device that was there before is waited for; one that had to be made is made again.
 */
public final class TapLink implements Link {
    private static final Logger LOG = LoggerFactory.getLogger(TapLink.class);
    private static final int TICK_MILLIS = 1000;

    private final TapPort port;
    private final TapOptions options;
    private final NetDevice device;
    private final boolean attached;
    private final Thread thread;
    private final CountDownLatch closing = new CountDownLatch(1);
    private List<Tap> taps = List.of();

    private TapLink(final TapPort port, final TapOptions options) {
        this.port = port;
        this.options = options;
        device = new NetDevice(options.device());
        attached = device.exists();
        thread = Thread.ofPlatform().daemon().name("rb-tap-" + port.name()).unstarted(this::run);
    }

    /**
     * Opens the device, and begins to look after it.
     *
     * @param port has to be detached, and commanded by nobody else
     * @throws OsException when the device cannot be had
     */
    public static TapLink start(final TapPort port, final TapOptions options) {
        final TapLink link = new TapLink(port, options);
        link.open();
        link.thread.start();
        return link;
    }

    private void open() {
        final List<Tap> opened = new ArrayList<>();
        try {
            final int queues = port.queues().size();
            for (int i = 0; i < queues; i++) {
                opened.add(Tap.open(options.device(), queues > 1));
            }
            if (options.persist() && !attached) {
                opened.getFirst().persist();
            }
            if (options.mtu() > 0) {
                device.mtu(options.mtu());
            }
            if (options.master() != null) {
                device.join(options.master());
            }
            if (options.up()) {
                device.up();
            }
            followMtu();
            port.attach(opened);
            taps = opened;
        } catch (final OsException e) {
            opened.forEach(Tap::close);
            throw e;
        }
    }

    private void followMtu() {
        final int mtu = device.mtu();
        if (mtu > 0 && mtu != port.mtu()) {
            port.mtu(mtu);
            LOG.info("port {}: mtu {}, as device {} has it", port.name(), mtu, options.device());
        }
    }

    private void run() {
        try {
            while (!closing.await(TICK_MILLIS, TimeUnit.MILLISECONDS)) {
                try {
                    tick();
                } catch (final RuntimeException e) {
                    LOG.error("port {}: device {} is given up for now", port.name(), options.device(), e);
                    letGo();
                    port.fail(e.toString());
                }
            }
        } catch (final InterruptedException e) {
            LOG.error("port {}: interrupted; device {} is given up", port.name(), options.device());
        } finally {
            letGo();
            port.state(PortState.WAITING);
        }
    }

    private void tick() {
        final String failure = port.failure();
        if (failure == null) {
            followMtu();
            return;
        }
        if (!taps.isEmpty()) {
            LOG.warn("port {}: device {}: {}", port.name(), options.device(), failure);
            letGo();
        }
        if (attached && !device.exists()) {
            return; // whoever made it may want to make it again
        }
        try {
            open();
            LOG.info("port {}: device {} is back", port.name(), options.device());
        } catch (final OsException e) {
            if (!e.getMessage().equals(port.failure())) {
                LOG.warn("port {}: {}", port.name(), e.getMessage());
                port.fail(e.getMessage());
            }
        }
    }

    private void letGo() {
        port.detach();
        taps.forEach(Tap::close);
        taps = List.of();
    }

    @Override
    public void awaitEnd() throws InterruptedException {
        thread.join();
    }

    @Override
    public void close() {
        closing.countDown();
        try {
            thread.join();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
