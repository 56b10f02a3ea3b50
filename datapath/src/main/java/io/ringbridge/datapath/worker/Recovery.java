package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.forward.Delivery;
import io.ringbridge.datapath.forward.Ingress;
import io.ringbridge.datapath.forward.Notifier;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.OwnedRings;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.QueueOwner;
import io.ringbridge.datapath.port.UplinkPort;
import org.jspecify.annotations.Nullable;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * A worker's recovery after an access to guest memory that faulted. It fails the port whose memory faulted, and
 * restores all other rings so that no other port loses a frame.
 *
 * <p>The JVM raises a fault some time after the access, so the worker's position in the code does not identify the
 * memory. Recovery therefore checks the memory itself, in this order:
 * <ol>
 *   <li>the files, which may be too short, and the memory of the rings
 *   <li>the memory accessed recently
 *   <li>if all of it is accessible, as in a file that was truncated and extended again: ports whose files a system call
 *       has changed; of several, those that have lost pages accessed recently
 *   <li>the ports that were being served
 * </ol>
 *
 * <p>Owned by one worker.
 */
final class Recovery {
    /** The most faults while rings are restored: more than one for each port. */
    private static final int MAX_FAULTS = 2 * PortList.MAX_PORTS;

    private final QueueOwner worker;
    private final PortList ports;
    private final OwnedQueues queues;
    private final Ingress ingress;
    private final Delivery delivery;
    private final Notifier notifier;

    Recovery(final QueueOwner worker, final PortList ports, final OwnedQueues queues, final Ingress ingress,
             final Delivery delivery, final Notifier notifier) {
        this.worker = worker;
        this.ports = ports;
        this.queues = queues;
        this.ingress = ingress;
        this.delivery = delivery;
        this.notifier = notifier;
    }

    /**
     * Recovers from a fault in guest memory.
     *
     * @return null, or the text to report if no port's memory could be shown to be the cause
     */
    String recover() {
        Memory.forgetFault(); // a second fault of the same cause would be raised during recovery
        final Set<GuestPort> suspects = suspects();
        return resumeInterrupted(() -> blame(suspects));
    }

    /**
     * Recovers from an exception in the duty cycle. Drops the frame, or fails the port, that was being served, because
     * the exception would recur.
     */
    void recover(final RuntimeException failure) {
        Memory.forgetFault();
        resumeInterrupted(() -> {
            if (delivery.isUnderWay() && !delivery.isDone()) {
                delivery.dropCurrent();
            } else if (queues.served() != null) {
                queues.served().port().fail("the switch failed while it handled the driver's ring: " + failure);
            }
            return null;
        });
    }

    /** Returns the ports that were being served. */
    private Set<GuestPort> suspects() {
        final Set<GuestPort> suspects = new LinkedHashSet<>();
        if (queues.served() != null) {
            suspects.add(queues.served().port());
        }
        if (delivery.isUnderWay()) {
            final Frame frame = delivery.current();
            if (frame != null) {
                guests().stream().filter(guest -> isOf(frame, guest)).forEach(suspects::add);
            }
            if (delivery.receiver() != null) {
                suspects.add(delivery.receiver().port());
            }
        }
        return suspects;
    }

    /**
     * Restores a state from which the next duty cycle resumes the interrupted work. Frames that were delivered are not
     * delivered again.
     *
     * @param sort drops the frames, and fails the ports, that are not to be served again
     * @return the result of {@code sort}
     */
    private String resumeInterrupted(final Supplier<String> sort) {
        delivery.findProgress();
        notifier.forget();
        ingress.recover();
        final String what = sort.get();
        delivery.endDroppedFlood();
        restoreRings();
        delivery.endRecovery();
        queues.serveNone();
        return what;
    }

    /**
     * Fails the ports that have lost memory.
     *
     * @param suspects the ports that were being served
     * @return null, or the text to report if no port's memory could be shown to be the cause
     */
    private @Nullable String blame(final Set<GuestPort> suspects) {
        final List<GuestPort> guests = guests();
        final TouchedRanges touched = touched(guests);
        final List<GuestPort> gone = guests.stream()
            .filter(guest -> guest.failure() == null && touched.anyGone(guest.memory())).toList();
        boolean found = false;
        for (final GuestPort guest : guests) {
            found |= guest.failure() == null ? fail(guest, guest.ownedBy(worker).findTruncation()) : abandon(guest);
        }
        if (!found) {
            for (final GuestPort guest : guests) {
                found |= fail(guest, guest.ownedBy(worker).findLostMemory(touched));
            }
        }
        if (!found) {
            final List<GuestPort> changed = changed(guests, gone);
            changed.forEach(guest ->
                fail(guest, "the file behind the guest's memory was truncated and extended again while in use"));
            found = !changed.isEmpty();
        }
        return found ? null : unexplained(suspects);
    }

    /** Returns the ports whose files were changed. A lost page alone proves nothing: it may never have been written. */
    private static List<GuestPort> changed(final List<GuestPort> guests, final List<GuestPort> gone) {
        final List<GuestPort> changed =
            guests.stream().filter(guest -> guest.failure() == null && guest.memory().fileWasChanged()).toList();
        final List<GuestPort> both = changed.stream().filter(gone::contains).toList();
        return both.isEmpty() ? changed : both;
    }

    private List<GuestPort> guests() {
        return List.of(ports.present()).stream()
            .filter(GuestPort.class::isInstance).map(GuestPort.class::cast).toList();
    }

    private TouchedRanges touched(final List<GuestPort> guests) {
        final TouchedRanges ranges = new TouchedRanges();
        ingress.addTouched(ranges);
        delivery.addTouched(ranges);
        guests.forEach(guest -> guest.ownedBy(worker).addTouched(ranges));
        return ranges;
    }

    private String unexplained(final Set<GuestPort> suspects) {
        suspects.forEach(guest ->
            fail(guest, "a memory fault occurred while this port was served, and no other cause was found"));
        return suspects.isEmpty() ? "no port was being served"
            : suspects.stream().map(Port::name).collect(Collectors.joining(", ", "failed ports: ", ""));
    }

    /**
     * Fails a port if there is a reason.
     *
     * @return whether there is one
     */
    private boolean fail(final GuestPort port, final @Nullable String why) {
        if (why != null) {
            port.fail(why);
            abandon(port);
        }
        return why != null;
    }

    /**
     * Abandons the rings of a failed port, and drops its frames.
     *
     * @return whether this worker has any of either
     */
    private boolean abandon(final GuestPort port) {
        final OwnedRings rings = port.ownedBy(worker);
        final boolean hasRings = rings.anyStarted();
        rings.abandon();
        return delivery.drop(frame -> isOf(frame, port)) || hasRings;
    }

    private static boolean isOf(final Frame frame, final GuestPort port) {
        for (int i = 0; i < frame.count(); i++) {
            if (port.memory().findHost(frame.address(i)) >= 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * Restores the rings of all ports, publishes their used buffers, and notifies their drivers. Faults are surfaced
     * port by port here, so each identifies its port.
     */
    private void restoreRings() {
        int faults = 0;
        GuestPort current = null;
        boolean done = false;
        while (!done) {
            try {
                for (final Port port : ports.present()) {
                    switch (port) {
                        case GuestPort guest -> {
                            current = guest;
                            guest.ownedBy(worker).recover();
                            current = null;
                        }
                        case UplinkPort uplink -> uplink.recover(worker);
                    }
                }
                done = true;
            } catch (final InternalError e) {
                if (current != null) {
                    fail(current, "the memory of a ring cannot be accessed");
                }
                if (++faults > MAX_FAULTS) {
                    throw e;
                }
            }
        }
    }
}
