package io.ringbridge.control.uplink;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.os.NetDevice;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.UplinkPort;

/**
 * Holds an interface or files for a port, by libpcap. An interface is waited for once it has gone, and its MTU followed.
 *
 * <p>Nothing that is written to an interface comes back: the kernel spares a packet socket its own frames, and there is one a port.
 */
public final class PcapLink extends DeviceLink {
    /** What is read from files and written to them may be as long as any frame. */
    private static final int NO_MTU = 65535;
    /** An Ethernet header and two VLAN tags. */
    private static final int LONGEST_ETHERNET_HEADER = 22;

    private final PcapOptions options;
    private final NetDevice device;
    private PcapSession session;
    private int merging;

    private PcapLink(final UplinkPort port, final PcapOptions options) {
        super(port, options.device() != null ? "interface " + options.device() : "capture");
        this.options = options;
        device = options.device() == null ? null : new NetDevice(options.device());
    }

    /**
     * Opens the interface or the files, and begins to move frames.
     *
     * @param port has to be detached, have one queue, and be commanded by nobody else
     * @throws OsException when they cannot be had
     */
    public static PcapLink start(final UplinkPort port, final PcapOptions options) {
        final PcapLink link = new PcapLink(port, options);
        link.start();
        return link;
    }

    /**
     * Takes over what another process has saved: opens the interface beside it, or the files where it has come to.
     *
     * @param port has to be new, and suspended
     * @throws RuntimeException when that cannot be; nothing stays open then
     */
    public static PcapLink adopt(final UplinkPort port, final PcapOptions options, final StateReader in) {
        final PcapLink link = new PcapLink(port, options);
        link.adopt(in);
        return link;
    }

    @Override
    void saveDevice(final StateWriter out) {
        if (device != null) {
            out.number(merging);
        } else {
            session.saveFiles(out);
        }
    }

    @Override
    void adoptDevice(final StateReader in) {
        if (device == null) {
            port().mtu(NO_MTU);
            session = PcapSession.files(port(), options, in);
            return;
        }
        merging = in.number();
        final int mtu = device.mtu();
        session = PcapSession.live(port(), options, snapLength(mtu));
        followMtu(mtu);
    }

    private int snapLength(final int mtu) {
        return options.snapLength() > 0 ? options.snapLength() : mtu + LONGEST_ETHERNET_HEADER;
    }

    @Override
    public void hold() {
        super.hold();
        if (isOpen()) {
            session.hold();
        }
    }

    @Override
    public void goOn() {
        if (isHeld() && isOpen()) {
            session.goOn();
        }
        super.goOn();
    }

    @Override
    public void savePositions(final StateWriter out) {
        super.savePositions(out);
        out.flag(isOpen());
        if (isOpen()) {
            session.savePosition(out);
        }
    }

    @Override
    public void restorePositions(final StateReader in) {
        super.restorePositions(in);
        if (in.flag()) {
            if (!isOpen()) {
                throw new HandOverException("there is a position, and nothing open");
            }
            session.restorePosition(in);
        }
    }

    @Override
    public void begin() {
        if (isOpen()) {
            session.goOn();
        }
    }

    @Override
    void open() {
        if (device == null) {
            port().mtu(NO_MTU);
            session = PcapSession.files(port(), options);
            session.goOn();
            return;
        }
        if (!device.exists()) {
            throw new OsException("interface " + options.device() + ": there is none with this name");
        }
        final int mtu = device.mtu();
        // Frames that the interface has merged are longer than its MTU lets through, and nothing tells how they are to be cut again.
        merging = device.merging();
        device.merging(0);
        try {
            session = PcapSession.live(port(), options, snapLength(mtu));
        } catch (final OsException e) {
            device.merging(merging);
            throw e;
        }
        followMtu(mtu);
        session.goOn();
    }

    @Override
    void shut(final boolean forGood) {
        session.close();
        if (device != null && forGood) {
            device.merging(merging);
        }
    }

    /** Files are not opened again: that would replay from the begin, and forget what was recorded. */
    @Override
    boolean isThere() {
        return device != null && device.exists();
    }

    @Override
    boolean follow() {
        session.countLost();
        final int mtu = device == null ? 0 : device.mtu();
        if (options.snapLength() == 0 && mtu > 0 && mtu != port().mtu()) {
            return false; // what is captured of a frame is said when the interface is opened
        }
        followMtu(mtu);
        return true;
    }

    /** A cable that was pulled, or the other end of a veth pair that is down, does not end a capture. */
    @Override
    boolean hasCarrier() {
        return device == null || device.isRunning();
    }
}
