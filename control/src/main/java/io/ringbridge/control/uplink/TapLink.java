package io.ringbridge.control.uplink;

import io.ringbridge.control.event.PortEvents;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
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
 * Keeps the tap device of a port open, and follows its MTU. If a device that existed before the port disappears, the
 * link waits for it. If the link created the device, it creates the device again.
 *
 * <p>In a hand-over, the other process receives the descriptors of the queues, with the frames that the kernel has sent
 * and nobody has read.
 */
public final class TapLink extends DeviceLink {
    private static final Logger LOG = LoggerFactory.getLogger(TapLink.class);

    /** The MTU may change; the rest never does. */
    private volatile TapOptions options;
    private final NetDevice device;
    private final boolean attached;
    private List<Tap> taps = List.of();
    /** The MTU set by the process before this one or, if there was none, by this one. */
    private int mtuSet;

    private TapLink(final UplinkPort port, final TapOptions options, final PortEvents events, final boolean attached) {
        super(port, events, "device " + options.device(), HandOverSections.TAP_QUEUES);
        this.options = options;
        device = new NetDevice(options.device());
        this.attached = attached;
        mtuSet = options.mtu();
    }

    /**
     * Opens the device, and starts the thread that checks it.
     *
     * @param port a detached port that nobody else commands
     * @throws OsException if the device cannot be opened
     */
    public static TapLink start(final UplinkPort port, final TapOptions options, final PortEvents events) {
        final TapLink link = new TapLink(port, options, events, new NetDevice(options.device()).exists());
        link.startThread();
        return link;
    }

    /**
     * Restores a link that another process saved. The device stays unchanged.
     *
     * @param port a new, suspended port with the same number of queues
     * @throws RuntimeException if the saved state does not fit; nothing stays open then
     */
    public static TapLink adopt(final UplinkPort port, final TapOptions options, final PortEvents events,
                                final StateReader in) {
        final Sections saved =
            in.sections(HandOverSections.UPLINK, HandOverSections.TAP, HandOverSections.TAP_QUEUES);
        final StateReader tap = saved.get(HandOverSections.TAP);
        final TapLink link = new TapLink(port, options, events, tap.flag());
        link.mtuSet = tap.number();
        link.adopt(saved);
        return link;
    }

    @Override
    public void saveState(final StateWriter out) {
        out.section(HandOverSections.TAP, section -> section.flag(attached).number(options.mtu()));
        super.saveState(out);
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

    /** Sets the MTU, if it differs from the one that the old process set. */
    @Override
    public void start() {
        if (isOpen() && options.mtu() > 0 && options.mtu() != mtuSet) {
            try {
                device.mtu(options.mtu());
                followMtu(options.mtu());
            } catch (final OsException e) {
                LOG.warn("port {}: {}", port().name(), e.getMessage());
            }
        }
    }

    /**
     * Changes the configured MTU, and sets that of the device. Any thread may call.
     *
     * @param configured as in {@link TapOptions}
     * @param now the MTU to set now; 0 to leave the device unchanged
     * @throws OsException if the device does not accept the MTU; nothing is changed
     */
    public void changeMtu(final int configured, final int now) {
        if (now > 0 && device.exists()) {
            device.mtu(now);
            followMtu(now);
        }
        options = options.withMtu(configured);
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

    /** A device that somebody else created is not created again, only waited for. */
    @Override
    boolean canReopen() {
        return !attached || device.exists();
    }

    @Override
    boolean follow() {
        followMtu(device.mtu());
        return true;
    }
}
