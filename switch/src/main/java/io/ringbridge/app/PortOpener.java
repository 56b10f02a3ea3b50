package io.ringbridge.app;

import io.ringbridge.config.BackendPortConfig;
import io.ringbridge.config.GuestPortConfig;
import io.ringbridge.config.PcapPortConfig;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortKey;
import io.ringbridge.config.Quantity;
import io.ringbridge.config.TapPortConfig;
import io.ringbridge.control.Link;
import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.event.EventKind;
import io.ringbridge.control.event.Events;
import io.ringbridge.control.event.PortEvents;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.uplink.FrontendLink;
import io.ringbridge.control.uplink.InterfaceLink;
import io.ringbridge.control.uplink.PcapLink;
import io.ringbridge.control.uplink.PcapOptions;
import io.ringbridge.control.uplink.TapLink;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.UplinkPort;

import java.nio.file.Path;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Supplier;

/**
 * Creates a port of the datapath and its link, from the configuration of the port. Used by {@link Ports} while it holds
 * its lock.
 */
final class PortOpener {
    /** The MTU of an uplink until its device is open. */
    private static final int UPLINK_MTU = 1500;

    private final Datapath datapath;
    private final Events events;
    /** Empty if no state is kept. */
    private final Optional<StateDirectory> state;
    private final Reunion reunion;

    PortOpener(final Datapath datapath, final Events events, final Optional<StateDirectory> state,
               final Reunion reunion) {
        this.datapath = datapath;
        this.events = events;
        this.state = state;
        this.reunion = reunion;
    }

    /**
     * Opens the socket, the device or the files of a port. A socket takes no front-end, and no back-end is connected
     * to, before {@link Link#serve}.
     *
     * @param whileRunning as in {@link Attached}
     * @throws SwitchException if that failed; nothing stays open then
     */
    Attached open(final PortConfig port, final boolean whileRunning) {
        return switch (port) {
            case GuestPortConfig guest -> open(guest, whileRunning);
            case TapPortConfig tap -> open(tap, whileRunning);
            case PcapPortConfig pcap -> open(pcap, whileRunning);
            case BackendPortConfig backend -> open(backend, whileRunning);
        };
    }

    private Attached open(final GuestPortConfig port, final boolean whileRunning) {
        final GuestPort added = addGuest(port);
        final Optional<Path> kept = stateOf(port);
        final PortEvents reporter = events(port.name(), kept);
        final Attached attached = attach(port, whileRunning, added,
            () -> Backend.open(added, PortOptions.of(port, kept), reporter), SwitchException::new);
        reportOpened(reporter, port, port.shown(PortKey.MODE).orElseThrow() + " " + port.place() + ", "
            + Quantity.of(port.queues(), "queue pair") + ", mtu " + port.mtu());
        return attached;
    }

    private Attached open(final TapPortConfig port, final boolean whileRunning) {
        final UplinkPort added = addUplink(port);
        final PortEvents reporter = events.of(port.name());
        final Attached attached = attach(port, whileRunning, added,
            () -> TapLink.start(added, port.options(), reporter), SwitchException::new);
        reportOpened(reporter, port, "tap " + port.place() + ", " + port.queues() + " queues, mtu " + added.mtu());
        return attached;
    }

    private Attached open(final PcapPortConfig port, final boolean whileRunning) {
        final UplinkPort added = addUplink(port);
        final PcapOptions options = port.options();
        final PortEvents reporter = events.of(port.name());
        final Attached attached = attach(port, whileRunning, added,
            () -> port.isLive() ? InterfaceLink.start(added, options, reporter)
                : PcapLink.start(added, options, reporter), SwitchException::new);
        reportOpened(reporter, port, "pcap" + (port.isLive() ? ", interface " + options.device() : "")
            + (options.read() == null ? "" : ", replays " + options.read())
            + (options.write() == null ? "" : ", records to " + options.write()));
        return attached;
    }

    private Attached open(final BackendPortConfig port, final boolean whileRunning) {
        final UplinkPort added = addUplink(port);
        final PortEvents reporter = events.of(port.name());
        final Attached attached = attach(port, whileRunning, added,
            () -> FrontendLink.start(added, port.options(), reporter), SwitchException::new);
        reportOpened(reporter, port, "back-end " + port.place() + ", up to " + port.queues() + " queue pairs, mtu "
            + added.mtu());
        return attached;
    }

    private static void reportOpened(final PortEvents reporter, final PortConfig port, final String text) {
        reporter.report(EventKind.OPENED, text + Views.vlan(port), port.shown());
    }

    /**
     * Adopts a port that the old process still serves; the port is suspended here.
     *
     * @param queues the number of queue pairs that a front-end which is attached has
     * @throws HandOverException if that failed; nothing stays open then
     */
    Attached adopt(final PortConfig port, final int queues, final boolean whileRunning, final StateReader in) {
        return switch (port) {
            case GuestPortConfig guest -> {
                final GuestPort added = addGuest(guest.withQueues(queues));
                final Optional<Path> kept = stateOf(guest);
                final BackendOptions options = PortOptions.of(guest, kept);
                yield adopt(port, whileRunning, added, () -> {
                    final Backend backend = Backend.adopt(added, options, events(port.name(), kept), in);
                    backend.offer(options, guest.queues());
                    return backend;
                });
            }
            case TapPortConfig tap -> {
                final UplinkPort added = addUplink(tap);
                final PortEvents reporter = events.of(tap.name());
                yield adopt(port, whileRunning, added, () -> TapLink.adopt(added, tap.options(), reporter, in));
            }
            case PcapPortConfig pcap -> {
                final UplinkPort added = addUplink(pcap);
                final PortEvents reporter = events.of(pcap.name());
                yield adopt(port, whileRunning, added, () -> pcap.isLive()
                    ? InterfaceLink.adopt(added, pcap.options(), reporter, in)
                    : PcapLink.adopt(added, pcap.options(), reporter, in));
            }
            case BackendPortConfig backend -> {
                final UplinkPort added = addUplink(backend);
                final PortEvents reporter = events.of(backend.name());
                yield adopt(port, whileRunning, added,
                    () -> FrontendLink.adopt(added, backend.options(), reporter, in));
            }
        };
    }

    private Attached adopt(final PortConfig port, final boolean whileRunning, final Port added,
                           final Supplier<Link> link) {
        added.suspend(SuspendCause.UPGRADE);
        return attach(port, whileRunning, added, link, HandOverException::new);
    }

    private Attached attach(final PortConfig port, final boolean whileRunning, final Port added,
                            final Supplier<Link> link,
                            final BiFunction<String, Throwable, RuntimeException> failure) {
        added.relayGroups(port.groupForward());
        try {
            return new Attached(port, added, link.get(), whileRunning);
        } catch (final RuntimeException e) {
            datapath.remove(added);
            throw failure.apply("port " + port.name() + ": " + e.getMessage(), e);
        }
    }

    private GuestPort addGuest(final GuestPortConfig port) {
        return datapath.addGuestPort(port.name(), port.queues(), port.mtu(), port.vlan());
    }

    /** Adds the port of an uplink, whose MTU is that of its device once that is open. */
    private UplinkPort addUplink(final PortConfig port) {
        return datapath.addUplinkPort(port.name(), port.queues(), UPLINK_MTU, port.vlan());
    }

    /** Returns the options of a guest's port. */
    BackendOptions options(final GuestPortConfig port) {
        return PortOptions.of(port, stateOf(port));
    }

    /** Makes the reunion wait for the front-end of a port, if one was attached when the previous process ended. */
    void awaitAttached(final PortConfig port) {
        stateOf(port).map(directory -> attendance(port.name(), directory)).filter(Attendance::wasAttached)
            .ifPresent(attendance -> reunion.await(port.name(), attendance));
    }

    private PortEvents events(final String port, final Optional<Path> kept) {
        return kept.map(directory -> events.of(port, attendance(port, directory))).orElseGet(() -> events.of(port));
    }

    private Attendance attendance(final String port, final Path directory) {
        return new Attendance(port, directory, reunion::arrived);
    }

    private Optional<Path> stateOf(final PortConfig port) {
        return state.flatMap(directory -> directory.of(port));
    }
}
