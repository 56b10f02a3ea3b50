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
        if (!MacAddress.isGroup(source)) {
            table.learn(ForwardingTable.key(source, 0), own, now);
        }
        final int to = MacAddress.isGroup(destination)
            ? ForwardingTable.UNKNOWN : table.find(ForwardingTable.key(destination, 0), now);
        final Port port = to == ForwardingTable.UNKNOWN ? null : ports.port(to);
        if (port == null) {
            frame.flood(own, FlowHash.of(frame, scratch));
        } else if (to == own) {
            drop(frame, from, DropReason.SAME_PORT);
        } else {
            unicast(frame, port, from, destination, source, stamp, scratch);
        }
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
        return receivers[(int) ((flow & 0xFFFF_FFFFL) * receivers.length >>> 32)];
    }
}
