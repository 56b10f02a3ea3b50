package io.ringbridge.control.backend.migration;

import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.transport.TransportException;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortVlan;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.Optional;
import java.util.stream.LongStream;

/**
 * The part of a migration besides memory: the announcement of the guest, and the transfer of the device's state, from
 * SET_DEVICE_STATE_FD to CHECK_DEVICE_STATE. A state is applied only once it has arrived completely and fits this port.
 *
 * <p>Owned by the session's thread.
 */
public final class Migration implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Migration.class);
    private static final int SAVE = 0;
    private static final int LOAD = 1;
    private static final int STOPPED = 0;
    private static final long FAILED = 1;
    /** The flag of the reply without a descriptor: the transfer uses the front-end's pipe. */
    private static final long NO_DESCRIPTOR = 1 << 8;

    private final GuestPort port;
    private final NetConfig config;
    private @Nullable StateTransfer transfer;
    /** Whether the device's state was saved, and no ring has run since: the guest continues elsewhere. */
    private boolean migrated;
    private boolean ringsRan;

    /** The result of a transfer. */
    public enum Result {
        /** The transfer failed. */
        FAILED,
        /** The state was saved, or it was loaded without a change of the configuration space. */
        DONE,
        /** The state was loaded, and the configuration space has changed. */
        CHANGED
    }

    public Migration(final GuestPort port, final NetConfig config) {
        this.port = port;
        this.config = config;
    }

    /** Serves SEND_RARP. Front-ends leave the two bytes after the address undefined. */
    public void sendRarp(final long word) {
        final long address = word & Frame.ADDRESS_MASK;
        if (address == 0 || MacAddress.isGroup(address)) {
            throw ProtocolException.refused("address " + MacAddress.format(address)
                + "; only the address of a single station is allowed");
        }
        port.stations().announce(address);
    }

    /**
     * Serves SET_DEVICE_STATE_FD: starts a transfer, and abandons any earlier one.
     *
     * @param fd the end of the pipe, which this object owns from now on
     * @param running whether a ring runs
     * @return the number in the reply
     */
    public long setDeviceStateFd(final Message.SetDeviceStateFd request, final int fd, final boolean running) {
        close();
        final int direction = request.direction();
        if (running || request.phase() != STOPPED || direction != SAVE && direction != LOAD) {
            Fd.abandon(fd);
            LOG.warn("port {}: refused to transfer the device's state in direction {}, phase {}{}", port.name(),
                Integer.toUnsignedString(direction), Integer.toUnsignedString(request.phase()),
                running ? ", while rings run" : "");
            return FAILED | NO_DESCRIPTOR;
        }
        try {
            transfer = direction == LOAD ? StateTransfer.load(fd, port.name())
                : StateTransfer.save(state(), fd, port.name());
            return NO_DESCRIPTOR;
        } catch (final TransportException e) {
            LOG.warn("port {}: refused to transfer the device's state: {}", port.name(), e.getMessage());
            return FAILED | NO_DESCRIPTOR;
        }
    }

    private DeviceState state() {
        return new DeviceState(config.mac(), config.mtu(), port.queuePairs(), port.statistics(), vlan(),
            LongStream.of(port.stations().statics()).boxed().toList());
    }

    /** Serves CHECK_DEVICE_STATE: ends the transfer, and applies a loaded state. */
    public Result checkDeviceState() {
        final StateTransfer ending = transfer;
        transfer = null;
        if (ending == null) {
            LOG.warn("port {}: no device state was transferred", port.name());
            return Result.FAILED;
        }
        try {
            final Optional<DeviceState> loaded = ending.finish();
            migrated = loaded.isEmpty();
            return loaded.isPresent() && apply(loaded.get()) ? Result.CHANGED : Result.DONE;
        } catch (final ProtocolException e) {
            LOG.warn("port {}: {}", port.name(), e.getMessage());
            return Result.FAILED;
        }
    }

    private boolean apply(final DeviceState state) {
        if (state.queuePairs() < 1 || state.queuePairs() > port.queuePairs()) {
            throw ProtocolException.refused("the device had " + Integer.toUnsignedString(state.queuePairs())
                + " queue pairs; this port has " + port.queuePairs());
        }
        final boolean mtuChanged = config.setMtu(state.mtu());
        final boolean macChanged = config.setMac(state.mac());
        port.continueFrom(state.statistics());
        if (!state.vlan().equals(vlan())) { // not refused, since each host may number its VLANs differently
            LOG.warn("port {}: the guest comes from a port with vlan {}; this port has {}", port.name(),
                state.vlan().isEmpty() ? "none" : state.vlan(), vlan().isEmpty() ? "none" : vlan());
        }
        final int leftOut = port.stations().addStatics(state.stations().stream().mapToLong(Long::longValue).toArray());
        if (leftOut > 0) {
            LOG.warn("port {}: did not add {} of {} static stations: they are at a running port, in a VLAN of other"
                + " ports, or too many", port.name(), leftOut, state.stations().size());
        }
        LOG.info("port {}: loaded the device's state", port.name());
        return mtuChanged || macChanged;
    }

    private String vlan() {
        final PortVlan own = port.configuredVlan();
        return own == null ? "" : own.toString();
    }

    /**
     * Records whether any ring runs. When the first ring starts, a guest has arrived. Its address is then announced if
     * it is known, because the guest's own announcement takes a while, and some front-ends send none. If the port is
     * suspended, it announces the address when it resumes. If rings start after the state was saved, the migration has
     * failed, and the guest is still here.
     */
    public void setRunning(final boolean any) {
        if (any && !ringsRan && config.mac() != 0) {
            port.stations().announceWhenResumed(config.mac());
        } else if (!any && ringsRan) {
            port.stations().announceWhenResumed(0);
        }
        ringsRan = any;
        migrated &= !any;
    }

    /** Writes the configuration and a pending announcement for another process. */
    public void save(final StateWriter out) {
        config.save(out);
        if (port.stations().hasPending()) {
            out.section(HandOverSections.ANNOUNCEMENT, _ -> { });
        }
    }

    /** Restores the state of another process. That process has announced the guest, unless its port was suspended. */
    public void restore(final Sections in) {
        config.restore(in);
        ringsRan = true;
        if (in.find(HandOverSections.ANNOUNCEMENT).isPresent()) {
            port.stations().announceWhenResumed(config.mac());
        }
    }

    /**
     * Detaches the front-end. Removes the static stations of a guest that has migrated, since they are elsewhere now.
     */
    public void detach() {
        close();
        if (migrated) {
            port.stations().forgetAll();
        }
    }

    /** Abandons a transfer that is still in progress. */
    @Override
    public void close() {
        if (transfer != null) {
            transfer.close();
            transfer = null;
        }
    }
}
