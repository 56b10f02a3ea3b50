package io.ringbridge.control.uplink;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.UplinkPort;

/** Keeps the capture files of a port open: one to replay, one to record, or both. */
public final class PcapLink extends DeviceLink {
    /** A file sets no limit, so the port accepts frames of any length. */
    private static final int NO_MTU = 65535;

    private final PcapOptions options;
    private PcapSession session;

    private PcapLink(final UplinkPort port, final PcapOptions options) {
        super(port, "capture", HandOverSections.CAPTURE);
        this.options = options;
    }

    /**
     * Opens the files, and starts to move frames.
     *
     * @param port a detached port with one queue that nobody else commands
     * @throws OsException if the files cannot be opened
     */
    public static PcapLink start(final UplinkPort port, final PcapOptions options) {
        final PcapLink link = new PcapLink(port, options);
        link.startThread();
        return link;
    }

    /**
     * Restores a link that another process saved: opens the files at the position that it has reached.
     *
     * @param port a new, suspended port
     * @throws RuntimeException if that fails; nothing stays open then
     */
    public static PcapLink adopt(final UplinkPort port, final PcapOptions options, final StateReader in) {
        final PcapLink link = new PcapLink(port, options);
        link.adopt(in.sections(HandOverSections.UPLINK, HandOverSections.CAPTURE));
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
    public void park() {
        super.park();
        if (isOpen()) {
            session.pause();
        }
    }

    @Override
    public void resume() {
        if (isParked() && isOpen()) {
            session.resume();
        }
        super.resume();
    }

    @Override
    public void savePositions(final StateWriter out) {
        super.savePositions(out);
        if (isOpen()) {
            out.section(HandOverSections.REPLAY, session::savePosition);
        }
    }

    @Override
    public void restorePositions(final StateReader in) {
        final Sections saved =
            in.sections(HandOverSections.COUNTERS, HandOverSections.FRAMES, HandOverSections.REPLAY);
        restorePositions(saved);
        saved.find(HandOverSections.REPLAY).ifPresent(this::restoreReplay);
    }

    private void restoreReplay(final StateReader in) {
        if (!isOpen()) {
            throw new HandOverException("the state has a position in a capture, but no open capture");
        }
        session.restorePosition(in);
    }

    @Override
    public void start() {
        if (isOpen()) {
            session.resume();
        }
    }

    @Override
    void open() {
        port().mtu(NO_MTU);
        session = PcapSession.files(port(), options);
        session.resume();
    }

    @Override
    void shut(final boolean forGood) {
        session.close();
    }

    /** Files are not opened again: that would replay from the start, and erase the recorded frames. */
    @Override
    boolean canReopen() {
        return false;
    }

    @Override
    boolean follow() {
        session.countLost();
        return true;
    }
}
