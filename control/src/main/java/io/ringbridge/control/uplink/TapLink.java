package io.ringbridge.control.uplink;

import io.ringbridge.datapath.os.NetDevice;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Tap;
import io.ringbridge.datapath.port.UplinkPort;

import java.util.ArrayList;
import java.util.List;

/**
 * Holds a tap device for a port, and follows its MTU. A device that was there before is waited for once it has gone; one that had to be
 * made is made again.
 */
public final class TapLink extends DeviceLink {
    private final TapOptions options;
    private final NetDevice device;
    private final boolean attached;
    private List<Tap> taps = List.of();

    private TapLink(final UplinkPort port, final TapOptions options) {
        super(port, "device " + options.device());
        this.options = options;
        device = new NetDevice(options.device());
        attached = device.exists();
    }

    /**
     * Opens the device, and begins to look after it.
     *
     * @param port has to be detached, and commanded by nobody else
     * @throws OsException when the device cannot be had
     */
    public static TapLink start(final UplinkPort port, final TapOptions options) {
        final TapLink link = new TapLink(port, options);
        link.start();
        return link;
    }

    @Override
    void open() {
        final List<Tap> opened = new ArrayList<>();
        try {
            final int queues = port().queues().size();
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
            followMtu(device.mtu());
            port().attach(opened, true);
            taps = opened;
        } catch (final OsException e) {
            opened.forEach(Tap::close);
            throw e;
        }
    }

    @Override
    void shut() {
        taps.forEach(Tap::close);
        taps = List.of();
    }

    /** Whoever made a device may want to make it again. */
    @Override
    boolean isThere() {
        return !attached || device.exists();
    }

    @Override
    boolean follow() {
        followMtu(device.mtu());
        return true;
    }
}
