package io.ringbridge.control.uplink;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.UplinkPort;

/** Holds captures in files for a port: one that is replayed, one that is recorded, or both. */
public final class PcapLink extends DeviceLink {
    /** What is read from files and written to them may be as long as any frame. */
    private static final int NO_MTU = 65535;

    private final PcapOptions options;
    private PcapSession session;

    private PcapLink(final UplinkPort port, final PcapOptions options) {
        super(port, "capture");
        this.options = options;
    }

    /**
     * Opens the files, and begins to move frames.
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
     * Takes over what another process has saved: opens the files where it has come to.
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
        session.saveFiles(out);
    }

    @Override
    void adoptDevice(final StateReader in) {
        port().mtu(NO_MTU);
        session = PcapSession.files(port(), options, in);
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
        port().mtu(NO_MTU);
        session = PcapSession.files(port(), options);
        session.goOn();
    }

    @Override
    void shut(final boolean forGood) {
        session.close();
    }

    /** Files are not opened again: that would replay from the begin, and forget what was recorded. */
    @Override
    boolean isThere() {
        return false;
    }

    @Override
    boolean follow() {
        session.countLost();
        return true;
    }
}
