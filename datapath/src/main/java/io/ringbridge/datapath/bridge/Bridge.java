package io.ringbridge.datapath.bridge;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.os.Scratch;
import io.ringbridge.datapath.packet.FlowHash;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.port.Source;
import org.jspecify.annotations.Nullable;

/**
 * Decides where each frame goes: learns the source station, and finds the port of the destination. Frames from ports
 * with VLANs are decided by {@link VlanBridge}.
 *
 * <p>Each worker has its own bridge; all of them share one forwarding table.
 */
public final class Bridge {
    private final ForwardingTable table;
    private final PortList ports;
    private final Scratch memory = Scratch.of(FlowHash.LOOK_AHEAD);
    private final long scratch = memory.address();

    public Bridge(final ForwardingTable table, final PortList ports) {
        this.table = table;
        this.ports = ports;
    }

    /**
     * Decides where a frame goes.
     *
     * @param destination the frame's destination address
     * @param source the frame's source address
     * @param from the queue that received the frame
     * @param now in seconds
     */
    public void classify(final Frame frame, final long destination, final long source, final Source from,
                         final int now) {
        // A remembered verdict expires with the second, so that active stations are refreshed and silent ones age.
        final long stamp = table.version() << 32 ^ now;
        final Sink last = from.lastReceiver(destination, source, stamp);
        if (last != null) {
            frame.unicast(last);
        } else {
            decide(frame, destination, source, from, now, stamp);
        }
    }

    private void decide(final Frame frame, final long destination, final long source, final Source from,
                        final int now, final long stamp) {
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
     * Returns the port of a station, or null if frames for the station have to be flooded. They are flooded if the
     * station is unknown, or if its port is down, because the station may have moved. A static station stays on its
     * port. So does any station while a flood would reach no port; its frames are then dropped and counted.
     */
    static @Nullable Port find(final ForwardingTable table, final PortList ports, final long station, final Source from,
                     final int now) {
        final int index = table.find(station, now);
        final Port port = index == ForwardingTable.UNKNOWN ? null : ports.port(index);
        return port != null && port.isDown() && mayHaveMoved(table, ports, station, from) ? null : port;
    }

    private static boolean mayHaveMoved(final ForwardingTable table, final PortList ports, final long station,
                                        final Source from) {
        return !table.isStatic(station) && ports.floodReachesAny(from.port(), ForwardingTable.vlan(station));
    }

    static void drop(final Frame frame, final Source from, final DropReason reason) {
        frame.drop(reason);
        from.counters().dropped(reason);
    }

    /** Sends a frame to a queue of a port. The source remembers the verdict if the port has only one queue. */
    static void unicast(final Frame frame, final Port port, final Source from, final long destination,
                        final long source, final long stamp, final long scratch) {
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

    /** Returns the receive queue for a flow. */
    public static Sink spread(final Sink[] receivers, final int flow) {
        return receivers[flow * receivers.length >>> FlowHash.BITS];
    }
}
