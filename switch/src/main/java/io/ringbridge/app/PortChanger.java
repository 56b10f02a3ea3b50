package io.ringbridge.app;

import io.ringbridge.config.BackendPortConfig;
import io.ringbridge.config.GuestPortConfig;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortKey;
import io.ringbridge.config.PortKey.Adoption;
import io.ringbridge.config.TapPortConfig;
import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.event.EventKind;
import io.ringbridge.control.event.Events;
import io.ringbridge.control.uplink.FrontendLink;
import io.ringbridge.control.uplink.TapLink;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Makes ports that run adopt another configuration. Used by {@link Ports} while it holds its lock.
 *
 * <p>The step that may fail comes first, so a change that fails has changed nothing. Frames of other ports wait for the
 * workers while the VLANs of a port change, and nothing else concerns them.
 */
final class PortChanger {
    private static final Logger LOG = LoggerFactory.getLogger(PortChanger.class);

    private final Datapath datapath;
    private final Events events;
    private final PortOpener opener;

    PortChanger(final Datapath datapath, final Events events, final PortOpener opener) {
        this.datapath = datapath;
        this.events = events;
        this.opener = opener;
    }

    /**
     * Makes a port adopt another configuration.
     *
     * @param to differs from the present configuration in keys that a port can adopt
     * @return the changed port, and the change
     * @throws SwitchException if the port's device does not accept the change; the port is as before
     */
    ChangedPort change(final Attached from, final PortConfig to) {
        final List<PortKey> keys = to.differences(from.config());
        final int deviceMtu = from.port().mtu();
        try {
            if (to instanceof final TapPortConfig tap && keys.contains(PortKey.TAP_MTU)) {
                setMtu(from, tap, tap.options().mtu());
            }
        } catch (final OsException e) {
            throw new SwitchException("port " + to.name() + ": mtu: " + e.getMessage(), e);
        }
        final boolean negotiates = keys.stream().anyMatch(key -> key.adoption() == Adoption.NEGOTIATION);
        final boolean waits = negotiates && (to instanceof BackendPortConfig
            || to instanceof final GuestPortConfig guest && !offer(from, guest));
        if (to instanceof final BackendPortConfig backend) {
            ((FrontendLink) from.link()).change(backend.options());
        }
        adopt(from.port(), to, keys);
        final ChangedPort changed = new ChangedPort(from.with(to), keys.stream()
            .map(key -> new ChangedKey(key, from.config().shown(key), to.shown(key), when(key, waits))).toList(),
            deviceMtu);
        changed.keys().forEach(key -> report(to.name(), key));
        return changed;
    }

    private void report(final String port, final ChangedKey change) {
        events.of(port).report(EventKind.CHANGED, change.toString(),
            change.to().map(value -> Map.of(change.key().word(), value)).orElse(Map.of()));
    }

    private static Adoption when(final PortKey key, final boolean waits) {
        return waits ? key.adoption() : Adoption.NOW;
    }

    /** Makes a port adopt its earlier configuration again. */
    void revert(final Attached before, final ChangedPort changed) {
        if (before.config() instanceof final TapPortConfig tap && tap.differences(changed.port().config())
            .contains(PortKey.TAP_MTU)) {
            setMtu(before, tap, changed.mtuBefore());
        }
        if (before.config() instanceof final GuestPortConfig guest) {
            offer(before, guest);
        }
        if (before.config() instanceof final BackendPortConfig backend) {
            ((FrontendLink) before.link()).change(backend.options());
        }
        adopt(before.port(), before.config(), before.config().differences(changed.port().config()));
    }

    private static void setMtu(final Attached port, final TapPortConfig tap, final int now) {
        ((TapLink) port.link()).changeMtu(tap.options().mtu(), now);
    }

    /** Offers the features of a configuration. Returns whether they take effect now. */
    private boolean offer(final Attached port, final GuestPortConfig to) {
        return ((Backend) port.link()).offer(opener.options(to), to.queues());
    }

    private void adopt(final Port port, final PortConfig to, final List<PortKey> keys) {
        if (keys.contains(PortKey.MTU)) {
            ((GuestPort) port).configureMtu(((GuestPortConfig) to).mtu());
        }
        if (keys.contains(PortKey.GROUP_FORWARD)) {
            port.relayGroups(to.groupForward());
        }
        if (!Objects.equals(port.configuredVlan(), to.vlan())) {
            final int forgotten = datapath.changeVlan(port, to.vlan());
            if (forgotten > 0) {
                LOG.info("port {}: forgot {} stations in VLANs that it has left", port.name(), forgotten);
            }
        }
    }
}
