package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.UplinkPort;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a worker does after a touch of memory that was not there: gives up the port whose memory it was, and puts everything else in order,
 * so that no other port loses a frame.
 *
 * <p>The JVM raises the fault some time after the touch, so that what the worker was doing does not show whose memory it
 * was. So the worker looks at the memory: first at the files, which may be too short, and at what is touched all the time;
 * then at what was touched lately. If all of it can be touched by now, as in a file that was cut and extended again, the
 * ports are blamed whose files were changed by a system call; of several, those that have lost pages. At last the ports
 * are blamed that were being served.
 *
 * <p>Owned by one worker.
 */
final class Recovery {
    /** More faults in a row, while ports are put in order, than there may be ports. */
    private static final int MOST_FAULTS = 2 * Datapath.MAX_PORTS;
    private static final int FRAMES_LOOKED_AT = 128;

    private final Worker worker;
    private final PortList ports;
    private final FrameRing frames;
    private final Ingress ingress;
    private final Egress egress;

    Recovery(final Worker worker, final PortList ports, final FrameRing frames, final Ingress ingress, final Egress egress) {
        this.worker = worker;
        this.ports = ports;
        this.frames = frames;
        this.ingress = ingress;
        this.egress = egress;
    }

    /**
     * Gives ports up that have lost memory.
     *
     * @param suspects those that were being served
     * @return null, or what is to be reported as nobody's memory could be shown to be the cause
     */
    String blame(final Set<GuestPort> suspects) {
        final List<GuestPort> guests = guests();
        final TouchedRanges touched = touched(guests);
        final List<GuestPort> gone = guests.stream().filter(guest -> guest.failure() == null && touched.anyGone(guest.memory())).toList();
        boolean found = false;
        for (final GuestPort guest : guests) {
            found |= guest.failure() == null ? giveUp(guest, guest.cut(worker)) : abandon(guest);
        }
        if (!found) {
            for (final GuestPort guest : guests) {
                found |= giveUp(guest, guest.lost(touched));
            }
        }
        if (!found) {
            final List<GuestPort> changed = changed(guests, gone);
            changed.forEach(guest -> giveUp(guest, "the file behind the guest's memory was cut and extended again while in use"));
            found = !changed.isEmpty();
        }
        return found ? null : unexplained(suspects);
    }

    /** Those whose files were changed. A page that is gone proves nothing by itself: it may never have been touched. */
    private static List<GuestPort> changed(final List<GuestPort> guests, final List<GuestPort> gone) {
        final List<GuestPort> changed =
            guests.stream().filter(guest -> guest.failure() == null && guest.memory().fileWasChanged()).toList();
        final List<GuestPort> both = changed.stream().filter(gone::contains).toList();
        return both.isEmpty() ? changed : both;
    }

    private List<GuestPort> guests() {
        return List.of(ports.present()).stream().filter(GuestPort.class::isInstance).map(GuestPort.class::cast).toList();
    }

    private TouchedRanges touched(final List<GuestPort> guests) {
        final TouchedRanges ranges = new TouchedRanges();
        ingress.addTouched(ranges);
        egress.addTouched(ranges);
        guests.forEach(guest -> guest.addTouched(worker, ranges));
        for (long sequence = Math.max(0, worker.consumed() - FRAMES_LOOKED_AT); sequence <= frames.published(); sequence++) {
            ranges.add(frames.get(sequence), false);
        }
        return ranges;
    }

    private String unexplained(final Set<GuestPort> suspects) {
        suspects.forEach(guest -> giveUp(guest, "a fault came in memory while this port was served, and no other cause was found"));
        return suspects.isEmpty() ? "no port was being served"
            : suspects.stream().map(Port::name).collect(Collectors.joining(", ", "given up: ", ""));
    }

    /** Gives a port up if there is a reason; false if there is none. */
    private boolean giveUp(final GuestPort port, final String why) {
        if (why != null) {
            port.fail(why);
            abandon(port);
        }
        return why != null;
    }

    /** Leaves the rings of a failed port alone, and drops its frames; false if there are none here. */
    private boolean abandon(final GuestPort port) {
        boolean any = port.hasRings(worker);
        port.abandon(worker);
        for (long sequence = worker.consumed() + 1; sequence <= frames.published(); sequence++) {
            final Frame frame = frames.get(sequence);
            if (frame.verdict() != Frame.Verdict.DROP && isOf(frame, port)) {
                frame.drop();
                any = true;
            }
        }
        return any;
    }

    private static boolean isOf(final Frame frame, final GuestPort port) {
        for (int i = 0; i < frame.count(); i++) {
            if (port.memory().findHost(frame.address(i)) >= 0) {
                return true;
            }
        }
        return false;
    }

    /** The ports that frames are of, from those that a worker has not done with, the first only. */
    void addSender(final Set<GuestPort> suspects) {
        if (frames.published() > worker.consumed()) {
            final Frame frame = frames.get(worker.consumed() + 1);
            guests().stream().filter(guest -> isOf(frame, guest)).forEach(suspects::add);
        }
    }

    /**
     * Puts the rings of all ports in order, shows their drivers what was used, and notifies them. Faults are raised port by port here, so
     * that it is known whose they are.
     */
    void putInOrder() {
        int faults = 0;
        GuestPort inHand = null;
        boolean done = false;
        while (!done) {
            try {
                for (final Port port : ports.present()) {
                    switch (port) {
                        case GuestPort guest -> {
                            inHand = guest;
                            guest.recover(worker);
                            inHand = null;
                        }
                        case UplinkPort uplink -> uplink.recover(worker);
                    }
                }
                done = true;
            } catch (final InternalError e) {
                if (inHand != null) {
                    giveUp(inHand, "the memory that a ring is in cannot be accessed");
                }
                if (++faults > MOST_FAULTS) {
                    throw e;
                }
            }
        }
    }
}
