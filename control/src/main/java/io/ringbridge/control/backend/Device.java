package io.ringbridge.control.backend;

import io.ringbridge.control.backend.memory.MemoryTable;
import io.ringbridge.control.backend.memory.Postcopy;
import io.ringbridge.control.backend.migration.Migration;
import io.ringbridge.control.backend.migration.MigrationLog;
import io.ringbridge.control.backend.migration.NetConfig;
import io.ringbridge.control.backend.ring.BackendChannel;
import io.ringbridge.control.backend.ring.DeviceQueues;
import io.ringbridge.control.backend.ring.HandedRings;
import io.ringbridge.control.backend.ring.Inflight;
import io.ringbridge.control.backend.ring.Iommu;
import io.ringbridge.control.backend.ring.Relay;
import io.ringbridge.control.backend.ring.Rings;
import io.ringbridge.control.event.PortEvents;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.trace.MessageTrace;
import io.ringbridge.datapath.port.GuestPort;

import java.util.concurrent.Semaphore;

/**
 * The device that one session's front-end sets up: its parts, and the order in which they are paused, handed over and
 * detached.
 *
 * <p>Owned by the session's thread.
 */
final class Device {
    final Negotiation negotiation;
    final DeviceQueues queues;
    final Inflight inflight;
    final Rings rings;
    final HandedRings handedRings;
    final Relay relay;
    final MemoryTable memory;
    final Postcopy postcopy;
    final Iommu iommu;
    final Suspension suspension;
    final MigrationLog log;
    final NetConfig config;
    final Migration migration;
    final MessageTrace trace;
    private final GuestPort port;
    private BackendChannel channel = BackendChannel.NONE;

    /**
     * Creates a device that is not set up.
     *
     * @param relays the permits for threads that all sessions share
     * @param trace receives the requests of the back-end
     */
    Device(final GuestPort port, final BackendOptions options, final PortEvents events, final Semaphore relays,
           final MessageTrace trace) {
        this.port = port;
        this.trace = trace;
        negotiation = new Negotiation(port, events, Offer.virtio(port.queuePairs(), options),
            Offer.compatible(Postcopy.permitted(port.name(), Offer.protocol(options)), port.queuePairs()));
        queues = new DeviceQueues(port, negotiation.offered());
        inflight = new Inflight(2 * port.queuePairs(), options.memory());
        rings = new Rings(queues, options.discardWhenDisabled(), options.state(), inflight);
        suspension = new Suspension(port, events, rings, options.suspend());
        relay = new Relay(port.name(), suspension::isSuspended, relays);
        handedRings = new HandedRings(queues, rings, relay);
        postcopy = new Postcopy(port);
        memory = new MemoryTable(rings, postcopy, options.memory());
        iommu = new Iommu(port.name(), rings);
        log = new MigrationLog(queues, options.logBaseReply(), options.memory());
        config = new NetConfig(options.mac(), port);
        migration = new Migration(port, config);
    }

    /** Returns the channel for the back-end's own requests. */
    BackendChannel channel() {
        return channel;
    }

    /** Replaces the channel for the back-end's own requests, and closes the earlier one. */
    void setChannel(final BackendChannel next) {
        final BackendChannel old = channel;
        channel = next;
        applyChannel();
        old.close();
    }

    /** Gives the rings the channel, and uses it for notifications if those in-band are negotiated. */
    void applyChannel() {
        rings.setChannels(negotiation.has(ProtocolFeature.INBAND_NOTIFICATIONS) ? channel : BackendChannel.NONE,
            channel);
    }

    /** Reports a change of the configuration space to a front-end that reads it. */
    void reportConfigChange() {
        if (negotiation.has(ProtocolFeature.CONFIG)) {
            channel.post(BackendRequest.CONFIG_CHANGE_MSG, new byte[0]);
        }
    }

    /** Sets NEEDS_RESET in the device status, and reports the change. */
    void requestReset() {
        if (suspension.setNeedsReset()) {
            reportConfigChange();
        }
    }

    /** Serves RESET_DEVICE. */
    void reset() {
        rings.reset();
        log.setWanted(false);
        negotiation.reset();
        suspension.reset();
        config.resetMtu();
        port.features(0);
    }

    /** Pauses the threads that send to the front-end. */
    void pause() {
        channel.pause();
        relay.pause();
    }

    /** Resumes after {@link #pause}. */
    void resume() {
        channel.resume();
        relay.resume();
    }

    /** Detaches the port, and closes everything that the front-end has provided. */
    void detach() {
        channel.end(); // requests that a suspended device has withheld are not sent now
        queues.detach();
        rings.close();
        inflight.close();
        postcopy.close();
        memory.close();
        log.close();
        relay.close();
        setChannel(BackendChannel.NONE);
        migration.detach();
    }

    /** Detaches the port, and leaves the channel's socket to the process that owns it now. */
    void relinquish() {
        queues.detach();
        channel.relinquish();
        channel = BackendChannel.NONE;
        detach();
    }

    /**
     * Writes the state that does not change while the session is paused. A transfer of device state in progress is
     * omitted.
     */
    void save(final StateWriter out) {
        if (postcopy.isAdvised()) {
            throw new HandOverException("a migration by postcopy is in progress, which only this process can complete");
        }
        negotiation.save(out);
        memory.save(out);
        iommu.save(out);
        inflight.save(out);
        log.save(out);
        suspension.save(out);
        migration.save(out);
        channel.save(out);
        handedRings.save(out);
    }

    /**
     * Restores the saved state, and checks it like messages from the front-end. The port is suspended. If this method
     * throws, the caller has to {@link #relinquish}.
     */
    void restore(final Sections in) {
        negotiation.restore(in);
        memory.restore(in);
        iommu.restore(in, negotiation.features());
        inflight.restore(in);
        relay.pause(); // until this session begins, the other process may resume
        log.restore(in, relay);
        suspension.restore(in);
        migration.restore(in);
        channel = ConnectedChannel.restore(in, port.name(), suspension::silences, trace);
        applyChannel();
        handedRings.restore(in, negotiation.features());
        port.features(negotiation.features());
    }

    /** Starts the restored rings on the suspended port. */
    void begin() {
        resume();
        if (handedRings.begin()) {
            requestReset();
        }
    }
}
