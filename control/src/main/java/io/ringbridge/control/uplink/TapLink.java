package io.ringbridge.control.uplink;

import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.os.NetDevice;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Tap;
import io.ringbridge.datapath.port.UplinkPort;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.List;

/**
 * Holds a tap device for a port, and follows its MTU. A device that was there before is waited for once it has gone; one that had to be
 * made is made again.
 *
 * <p>Another process gets the descriptors of the queues: what the kernel has sent, and nobody read, waits there.
 */
public final class TapLink extends DeviceLink {
    private static final Logger LOG = LoggerFactory.getLogger(TapLink.class);

    private final TapOptions options;
    private final NetDevice device;
    private final boolean attached;
    private List<Tap> taps = List.of();
    /** What the MTU was set to by the process before this one; what this one sets it to where there was none. */
    private int mtuSet;

    private TapLink(final UplinkPort port, final TapOptions options, final boolean attached) {
        super(port, "device " + options.device());
        this.options = options;
        device = new NetDevice(options.device());
        this.attached = attached;
        mtuSet = options.mtu();
    }

    /**
     * Opens the device, and begins to look after it.
     *
     * @param port has to be detached, and commanded by nobody else
     * @throws OsException when the device cannot be had
     */
    public static TapLink start(final UplinkPort port, final TapOptions options) {
        final TapLink link = new TapLink(port, options, new NetDevice(options.device()).exists());
        link.start();
        return link;
    }

    /**
     * Takes over what another process has saved; the device stays as it is.
     *
     * @param port has to be new, with as many queues as there, and suspended
     * @throws RuntimeException when what was saved does not fit; nothing stays open then
     */
    public static TapLink adopt(final UplinkPort port, final TapOptions options, final StateReader in) {
        final TapLink link = new TapLink(port, options, in.flag());
        link.mtuSet = in.number();
        link.adopt(in);
        return link;
    }

    @Override
    public void save(final StateWriter out) {
        out.flag(attached).number(options.mtu());
        super.save(out);
    }

    @Override
    void saveDevice(final StateWriter out) {
        taps.forEach(tap -> out.descriptor(tap.fd()));
    }

    @Override
    void adoptDevice(final StateReader in) {
        final List<Tap> adopted = new ArrayList<>();
        try {
            for (int left = port().queues().size(); left > 0; left--) {
                adopted.add(Tap.adopt(options.device(), in.descriptor()));
            }
            followMtu(device.mtu());
            port().attach(adopted, true);
            taps = adopted;
        } catch (final RuntimeException e) {
            adopted.forEach(Tap::close);
            throw e;
        }
    }

    /** What may be another than in the process before. */
    @Override
    public void begin() {
        if (isOpen() && options.mtu() > 0 && options.mtu() != mtuSet) {
            try {
                device.mtu(options.mtu());
                followMtu(options.mtu());
            } catch (final OsException e) {
                LOG.warn("port {}: {}", port().name(), e.getMessage());
            }
        }
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
    void shut(final boolean forGood) {
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
