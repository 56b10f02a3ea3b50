package io.ringbridge.control.backend;

import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.transport.TransportException;
import io.ringbridge.datapath.bridge.MacAddress;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.port.GuestPort;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.stream.LongStream;

/**
 * What a migration asks of a port beside its memory: the announcement of the guest, and the transfer of the device's state, from
 * SET_DEVICE_STATE_FD to CHECK_DEVICE_STATE. Nothing is taken over before the whole of it is there, and fits this port.
 *
 * <p>Owned by the session's thread.
 */
final class Migration implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Migration.class);
    private static final int SAVE = 0;
    private static final int LOAD = 1;
    private static final int STOPPED = 0;
    private static final long FAILED = 1;
    /** In the reply: the front-end's pipe is used, no descriptor comes back. */
    private static final long NO_DESCRIPTOR = 1 << 8;

    private final GuestPort port;
    private final NetConfig config;
    private StateTransfer transfer;
    /** Whether the device's state was saved, and no ring has run since: it goes on elsewhere. */
    private boolean handedOn;
    private boolean ringsRan;

    /** What came of a transfer. */
    enum Outcome {
        /** It failed. */
        FAILED,
        /** The state is saved, or loaded and no different. */
        DONE,
        /** The state is loaded, and the configuration space is another. */
        CHANGED
    }

    Migration(final GuestPort port, final NetConfig config) {
        this.port = port;
        this.config = config;
    }

    /** SEND_RARP. The two bytes behind the address are nobody's: front-ends leave in them what was there. */
    void announce(final long told) {
        final long address = told & Frame.ADDRESS_MASK;
        if (address == 0 || MacAddress.isGroup(address)) {
            throw ProtocolException.refused("address " + MacAddress.format(address) + "; a single station's is allowed");
        }
        port.announce(address);
    }

    /**
     * Begins a transfer in place of any other.
     *
     * @param fd the end of the pipe; taken over
     * @param running whether a ring runs
     * @return the reply's number
     */
    long begin(final Message.SetDeviceStateFd told, final int fd, final boolean running) {
        close();
        if (running || told.phase() != STOPPED || told.direction() != SAVE && told.direction() != LOAD) {
            Fd.abandon(fd);
            LOG.warn("port {}: refused to transfer the device's state in direction {}, phase {}{}", port.name(),
                Integer.toUnsignedString(told.direction()), Integer.toUnsignedString(told.phase()), running ? ", while rings run" : "");
            return FAILED | NO_DESCRIPTOR;
        }
        try {
            transfer = told.direction() == LOAD ? StateTransfer.load(fd, port.name()) : StateTransfer.save(state(), fd, port.name());
            return NO_DESCRIPTOR;
        } catch (final TransportException e) {
            LOG.warn("port {}: refused to transfer the device's state: {}", port.name(), e.getMessage());
            return FAILED | NO_DESCRIPTOR;
        }
    }

    private DeviceState state() {
        return new DeviceState(config.mac(), config.mtu(), port.queuePairs(), port.statistics(), vlan(),
            LongStream.of(port.staticStations()).boxed().toList());
    }

    /** Ends the transfer, and takes over what it brought. */
    Outcome check() {
        final StateTransfer ending = transfer;
        transfer = null;
        if (ending == null) {
            LOG.warn("port {}: no device state was transferred", port.name());
            return Outcome.FAILED;
        }
        try {
            final DeviceState state = ending.finish();
            handedOn = state == null;
            return state != null && takeOver(state) ? Outcome.CHANGED : Outcome.DONE;
        } catch (final ProtocolException e) {
            LOG.warn("port {}: {}", port.name(), e.getMessage());
            return Outcome.FAILED;
        }
    }

    private boolean takeOver(final DeviceState state) {
        if (state.queuePairs() < 1 || state.queuePairs() > port.queuePairs()) {
            throw ProtocolException.refused("the device had " + Integer.toUnsignedString(state.queuePairs())
                + " queue pairs; this port has " + port.queuePairs());
        }
        final boolean mtuChanged = config.mtu(state.mtu());
        final boolean macChanged = config.mac(state.mac());
        port.continueFrom(state.statistics());
        if (!state.vlan().equals(vlan())) { // numbers of VLANs may be a matter of each host, so it is no reason to refuse
            LOG.warn("port {}: the guest comes from a port with vlan {}; this one has {}", port.name(),
                state.vlan().isEmpty() ? "none" : state.vlan(), port.vlan() == null ? "none" : port.vlan());
        }
        final int leftOut = port.addStaticStations(state.stations().stream().mapToLong(Long::longValue).toArray());
        if (leftOut > 0) {
            LOG.warn("port {}: {} of {} static stations are left out: at a port that runs, in a VLAN of others, or too many",
                port.name(), leftOut, state.stations().size());
        }
        LOG.info("port {}: took over the device's state", port.name());
        return mtuChanged || macChanged;
    }

    private String vlan() {
        return port.vlan() == null ? "" : port.vlan().toString();
    }

    /**
     * Notes whether rings are started. When the first is, a guest has come: its address is announced where it is known, since its own
     * announcement takes a while and some front-ends make none; of a suspended port, when that resumes. If rings start after the state
     * was saved, the migration has failed, and the guest is still here.
     */
    void ringsRun(final boolean any) {
        if (any && !ringsRan && config.mac() != 0) {
            port.announceWhenResumed(config.mac());
        } else if (!any && ringsRan) {
            port.announceWhenResumed(0);
        }
        ringsRan = any;
        handedOn &= !any;
    }

    /** Writes down what the front-end was told, for another process. */
    void save(final StateWriter out) {
        config.save(out);
        out.flag(port.isToAnnounce());
    }

    /** Goes on in the place of another process, which has announced the guest unless it was suspended until now. */
    void restore(final StateReader in) {
        config.restore(in);
        ringsRan = true;
        if (in.flag()) {
            port.announceWhenResumed(config.mac());
        }
    }

    /** Ends with the conversation. Static stations that have gone on with their guest are forgotten: others may hear of them elsewhere. */
    void leave() {
        close();
        if (handedOn) {
            port.forgetStations();
        }
    }

    /** Gives a transfer up that still goes on. */
    @Override
    public void close() {
        if (transfer != null) {
            transfer.close();
            transfer = null;
        }
    }
}
