package io.ringbridge.datapath.bridge;

import io.ringbridge.datapath.frame.FlowHash;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.port.Source;

/**
 * The verdict on each frame: learns where it came from, and finds where it goes. Of ports with VLANs it is the {@link VlanBridge} that
 * decides.
 *
 * <p>One a worker. The table behind it is everybody's.
 */
public final class Bridge {
    private final ForwardingTable table;
    private final PortTable ports;
    private final long scratch = Memory.allocate(FlowHash.LOOK_AHEAD);

    /** The ports there are. Implementations answer from a plain array; any worker may ask. */
    public interface PortTable {
        /** The port with an index, or null. */
        Port port(int index);

        /** Whether a frame from a port reaches any other if it is flooded in this VLAN; 0 stands for ports without VLANs. */
        boolean floodReachesAny(Port from, int vlan);
    }

    /** Makes the bridge of a worker. */
    public Bridge(final ForwardingTable table, final PortTable ports) {
        this.table = table;
        this.ports = ports;
    }

    /**
     * Decides what becomes of a frame.
     *
     * @param destination the address it goes to
     * @param source the address it comes from
     * @param from where it came in
     * @param now in seconds
     */
    public void classify(final Frame frame, final long destination, final long source, final Source from, final int now) {
        // A verdict holds for the rest of the second at the most, so that stations in use are noted as heard, and silent ones age.
        final long stamp = table.version() << 32 ^ now;
        final Sink last = from.lastReceiver(destination, source, stamp);
        if (last != null) {
            frame.unicast(last);
        } else {
            decide(frame, destination, source, from, now, stamp);
        }
    }

    private void decide(final Frame frame, final long destination, final long source, final Source from, final int now,
                        final long stamp) {
        final int own = from.port().index();
        if (!MacAddress.isGroup(source) && ReservedGroups.isLearnedFrom(destination)) {
            table.learn(ForwardingTable.key(source, 0), own, now);
        }
        if (MacAddress.isGroup(destination)) {
            if (ReservedGroups.isRefused(destination, from.port())) {
                drop(frame, from, DropReason.RESERVED_GROUP);
            } else {
                frame.flood(own, FlowHash.of(frame, scratch));
            }
            return;
        }
        final long station = ForwardingTable.key(destination, 0);
        final Port port = find(table, ports, station, from, now);
        if (port == null) {
            frame.flood(own, FlowHash.of(frame, scratch));
        } else if (port == from.port()) {
            drop(frame, from, DropReason.SAME_PORT);
        } else {
            unicast(frame, port, from, destination, source, stamp, scratch);
        }
    }

    /**
     * Returns the port behind which a station is, or null if a frame for the station has to be flooded. That is so if
     * the station is unknown, or was heard behind a port that is down, since it may have moved. A static station stays
     * behind its port, and so does any while a flood would reach nobody: its frames are dropped and counted there.
     */
    static Port find(final ForwardingTable table, final PortTable ports, final long station, final Source from,
                     final int now) {
        final int index = table.find(station, now);
        final Port port = index == ForwardingTable.UNKNOWN ? null : ports.port(index);
        return port != null && port.isDown() && mayHaveMoved(table, ports, station, from) ? null : port;
    }

    private static boolean mayHaveMoved(final ForwardingTable table, final PortTable ports, final long station,
                                        final Source from) {
        return !table.isStatic(station) && ports.floodReachesAny(from.port(), ForwardingTable.vlan(station));
    }

    static void drop(final Frame frame, final Source from, final DropReason reason) {
        frame.drop();
        from.counters().dropped(reason);
    }

    /** Sends a frame to a queue of a port; where it has one only, the verdict is remembered. */
    static void unicast(final Frame frame, final Port port, final Source from, final long destination, final long source,
                        final long stamp, final long scratch) {
        final Sink[] receivers = port.receivers();
        if (receivers.length == 0) {
            drop(frame, from, DropReason.NO_RECEIVER);
        } else if (receivers.length == 1) {
            frame.unicast(receivers[0]);
            from.lastVerdict(destination, source, stamp, receivers[0]);
        } else {
            frame.unicast(spread(receivers, FlowHash.of(frame, scratch)));
        }
    }

    /** The receive queue for a flow. */
    public static Sink spread(final Sink[] receivers, final int flow) {
        return receivers[flow * receivers.length >>> FlowHash.BITS];
    }
}
