package io.ringbridge.app;

import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortConfig.Attachment;
import io.ringbridge.control.Link;
import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.backend.Presence;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.uplink.InterfaceLink;
import io.ringbridge.control.uplink.PcapLink;
import io.ringbridge.control.uplink.PcapOptions;
import io.ringbridge.control.uplink.TapLink;
import io.ringbridge.control.uplink.TapOptions;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.worker.Datapath;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * Creates a port of the datapath and its link, from the configuration of the port. Used by {@link Ports} while it holds
 * its lock.
 */
final class PortOpener {
    private static final Logger LOG = LoggerFactory.getLogger(PortOpener.class);

    private final Datapath datapath;
    /** Null if no state is kept. */
    private final StateDirectory state;
    private final Reunion reunion;

    PortOpener(final Datapath datapath, final StateDirectory state, final Reunion reunion) {
        this.datapath = datapath;
        this.state = state;
        this.reunion = reunion;
    }

    /**
     * Opens the socket, the device or the files of a port. A socket takes no front-end before {@link Link#serve}.
     *
     * @param whileRunning as in {@link Attached}
     * @throws SwitchException if that failed; nothing stays open then
     */
    Attached open(final PortConfig port, final boolean whileRunning) {
        return switch (port.attachment()) {
            case Attachment.Tap tap -> open(port, whileRunning, PortOptions.of(port, tap));
            case Attachment.Pcap pcap -> open(port, whileRunning, pcap.options());
            default -> openGuest(port, whileRunning);
        };
    }

    private Attached openGuest(final PortConfig port, final boolean whileRunning) {
        final GuestPort added = datapath.addGuestPort(port.name(), port.queues(), port.mtu(), port.vlan());
        final Path kept = stateOf(port);
        final Presence presence = presence(port.name(), kept);
        final Attached attached = attach(port, whileRunning, added,
            () -> Backend.open(added, PortOptions.of(port, kept), presence));
        LOG.info("port {}: {} {}, {} queue pairs, mtu {}{}", port.name(), port.mode(), port.socket(), port.queues(),
            port.mtu(), Views.vlan(port));
        return attached;
    }

    private Attached open(final PortConfig port, final boolean whileRunning, final TapOptions options) {
        final UplinkPort added =
            datapath.addUplinkPort(port.name(), port.queues(), PortConfig.DEFAULT_MTU, port.vlan());
        final Attached attached = attach(port, whileRunning, added, () -> TapLink.start(added, options));
        LOG.info("port {}: tap {}, {} queues, mtu {}{}", port.name(), options.device(), port.queues(), added.mtu(),
            Views.vlan(port));
        return attached;
    }

    private Attached open(final PortConfig port, final boolean whileRunning, final PcapOptions options) {
        final UplinkPort added =
            datapath.addUplinkPort(port.name(), port.queues(), PortConfig.DEFAULT_MTU, port.vlan());
        final Attached attached = attach(port, whileRunning, added,
            () -> options.device() == null ? PcapLink.start(added, options) : InterfaceLink.start(added, options));
        LOG.info("port {}: pcap{}{}{}{}", port.name(),
            options.device() == null ? "" : ", interface " + options.device(),
            options.read() == null ? "" : ", replays " + options.read(),
            options.write() == null ? "" : ", records to " + options.write(), Views.vlan(port));
        return attached;
    }

    private Attached attach(final PortConfig port, final boolean whileRunning, final Port added,
                            final Supplier<Link> link) {
        added.relayGroups(port.groupForward());
        try {
            return new Attached(port, added, link.get(), whileRunning);
        } catch (final RuntimeException e) {
            datapath.remove(added);
            throw new SwitchException("port " + port.name() + ": " + e.getMessage(), e);
        }
    }

    /**
     * Adopts a port that the old process still serves; the port is suspended here.
     *
     * @throws HandOverException if that failed; nothing stays open then
     */
    Attached adopt(final PortConfig port, final boolean whileRunning, final StateReader in) {
        final boolean guest = PortConfig.VHOST_USER.equals(port.type());
        final Port added = guest ? datapath.addGuestPort(port.name(), port.queues(), port.mtu(), port.vlan())
            : datapath.addUplinkPort(port.name(), port.queues(), PortConfig.DEFAULT_MTU, port.vlan());
        added.relayGroups(port.groupForward());
        added.suspend(SuspendCause.UPGRADE);
        try {
            final Link link = switch (port.attachment()) {
                case Attachment.Tap tap -> TapLink.adopt((UplinkPort) added, PortOptions.of(port, tap), in);
                case Attachment.Pcap(PcapOptions options) when options.device() != null ->
                    InterfaceLink.adopt((UplinkPort) added, options, in);
                case Attachment.Pcap(PcapOptions options) -> PcapLink.adopt((UplinkPort) added, options, in);
                default -> {
                    final Path kept = stateOf(port);
                    yield Backend.adopt((GuestPort) added, PortOptions.of(port, kept), presence(port.name(), kept), in);
                }
            };
            return new Attached(port, added, link, whileRunning);
        } catch (final RuntimeException e) {
            datapath.remove(added);
            throw new HandOverException("port " + port.name() + ": " + e.getMessage(), e);
        }
    }

    /** Makes the reunion wait for the front-end of a port, if one was attached when the previous process ended. */
    void awaitAttached(final PortConfig port) {
        if (presence(port.name(), stateOf(port)) instanceof final Attendance attendance && attendance.wasAttached()) {
            reunion.await(port.name(), attendance);
        }
    }

    private Presence presence(final String port, final Path kept) {
        return kept == null ? Presence.UNHEARD : new Attendance(port, kept, reunion::arrived);
    }

    private Path stateOf(final PortConfig port) {
        return state == null ? null : state.of(port);
    }
}
