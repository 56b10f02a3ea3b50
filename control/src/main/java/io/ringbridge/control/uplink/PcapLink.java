package io.ringbridge.control.uplink;

import io.ringbridge.control.event.PortEvents;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.UplinkPort;

import java.util.List;
import java.util.Optional;

/**
 * Keeps the capture files of a port open: a {@link Replay}, a {@link Recorder}, or both. A {@link PcapDevice} connects
 * their threads to the port's worker.
 */
public final class PcapLink extends DeviceLink {
    /** A file sets no limit, so the port accepts frames of any length. */
    private static final int NO_MTU = 65535;

    private final PcapOptions options;
    private Optional<PcapDevice> device = Optional.empty();
    private Optional<Replay> replay = Optional.empty();
    private Optional<Recorder> recorder = Optional.empty();

    private PcapLink(final UplinkPort port, final PcapOptions options, final PortEvents events) {
        super(port, events, "capture", HandOverSections.CAPTURE);
        this.options = options;
    }

    /**
     * Opens the files, and starts to move frames.
     *
     * @param port a detached port with one queue that nobody else commands
     * @throws OsException if the files cannot be opened
     */
    public static PcapLink start(final UplinkPort port, final PcapOptions options, final PortEvents events) {
        final PcapLink link = new PcapLink(port, options, events);
        link.startThread();
        return link;
    }

    /**
     * Restores a link that another process saved: opens the files at the position that it has reached.
     *
     * @param port a new, suspended port
     * @throws RuntimeException if that fails; nothing stays open then
     */
    public static PcapLink adopt(final UplinkPort port, final PcapOptions options, final PortEvents events,
                                 final StateReader in) {
        final PcapLink link = new PcapLink(port, options, events);
        link.adopt(in.sections(HandOverSections.UPLINK, HandOverSections.CAPTURE));
        return link;
    }

    /** Writes the inode of the recording and the number of frames replayed. */
    @Override
    void saveDevice(final StateWriter out) {
        out.wide(recorder.map(Recorder::inode).orElse(Recorder.NO_INODE)).wide(replay.map(Replay::replayed).orElse(0L));
    }

    @Override
    void adoptDevice(final StateReader in) {
        attach(in.wide(), in.wide());
    }

    /** Opens the files, and attaches the port. The replay is paused. */
    private void attach(final long inode, final long replayed) {
        port().mtu(NO_MTU);
        final PcapDevice opened = new PcapDevice();
        device = Optional.of(opened);
        try {
            if (options.read() != null) {
                replay = Optional.of(Replay.open(port(), options, opened, replayed));
            }
            if (options.write() != null) {
                recorder = Optional.of(Recorder.open(port(), options, opened, inode)); // may erase a file: comes last
            }
            port().attach(List.of(opened), recorder.isPresent());
        } catch (final RuntimeException e) {
            shut(true);
            throw e;
        }
    }

    @Override
    public void park() {
        super.park();
        replay.ifPresent(Replay::park);
        recorder.ifPresent(Recorder::awaitWritten);
    }

    @Override
    public void resume() {
        if (isParked()) {
            replay.ifPresent(Replay::resume);
        }
        super.resume();
    }

    @Override
    public void savePositions(final StateWriter out) {
        super.savePositions(out);
        if (handsOver()) {
            out.section(HandOverSections.REPLAY,
                section -> replay.map(Replay::position).orElse(ReplayPosition.START).save(section));
        }
    }

    @Override
    public void restorePositions(final StateReader in) {
        final Sections saved = in.sections(HandOverSections.COUNTERS, HandOverSections.INTERRUPTIONS,
            HandOverSections.FRAMES, HandOverSections.REPLAY);
        restorePositions(saved);
        saved.find(HandOverSections.REPLAY).ifPresent(this::restoreReplay);
    }

    private void restoreReplay(final StateReader in) {
        if (!isOpen()) {
            throw new HandOverException("the state has a position in a capture, but no open capture");
        }
        final ReplayPosition position = ReplayPosition.restore(in);
        replay.ifPresent(started -> started.continueFrom(position));
    }

    @Override
    public void start() {
        replay.ifPresent(Replay::resume);
    }

    @Override
    void open() {
        attach(Recorder.NO_INODE, 0);
        start();
    }

    @Override
    void shut(final boolean forGood) {
        replay.ifPresent(Replay::close);
        replay = Optional.empty();
        recorder.ifPresent(Recorder::close);
        recorder = Optional.empty();
        device.ifPresent(PcapDevice::close);
        device = Optional.empty();
    }

    /** Files are not opened again: that would replay from the start, and erase the recorded frames. */
    @Override
    boolean canReopen() {
        return false;
    }

    @Override
    boolean follow() {
        replay.ifPresent(Replay::countLost);
        return true;
    }
}
