package io.ringbridge.datapath;

import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.Stations;
import io.ringbridge.datapath.worker.Workers;

import java.util.Arrays;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * The stations behind one port, kept in the forwarding table. A station that has sent nothing here yet, as after a
 * migration, is announced so that frames reach it at once.
 *
 * <p>Owned by the port's session, which waits for the workers during an announcement.
 */
final class PortStations implements Stations {
    /** The time in which a repeated announcement is ignored. Front-ends repeat against loss after 50 ms or more. */
    private static final long REPEAT_NANOS = 40_000_000;
    /** The number of attempts to write an entry that workers write too. Another port's static entry never yields. */
    private static final int ATTEMPTS = 8;
    /** The most VLANs that an announcement is sent in unconditionally. Any receive queue has room for that many. */
    private static final int MAX_ANNOUNCED = 64;
    private static final int[] NO_VLAN = {0};

    private final int port;
    private final PortList ports;
    private final Workers workers;
    private final ForwardingTable table;
    private final LongSupplier nanoClock;
    private long lastAddress;
    private long lastNanos;

    /**
     * Creates the view of a port without stations.
     *
     * @param ports all current ports; they include this one before the first call
     */
    PortStations(final int port, final PortList ports, final Workers workers, final ForwardingTable table,
                 final LongSupplier nanoClock) {
        this.port = port;
        this.ports = ports;
        this.workers = workers;
        this.table = table;
        this.nanoClock = nanoClock;
    }

    @Override
    public void changed() {
        table.changed();
    }

    @Override
    public void forget() {
        table.flush(port, false);
    }

    @Override
    public void forgetAll() {
        table.flush(port, true);
    }

    @Override
    public long[] statics() {
        return table.statics(port);
    }

    @Override
    public int addStatics(final long... keys) {
        final Set<Long> here = LongStream.of(statics()).boxed().collect(Collectors.toSet());
        int leftOut = 0;
        for (final long key : keys) {
            if (!here.contains(key)) {
                if (here.size() < MAX_STATICS && belongsHere(key) && table.addStatic(key, port)) {
                    here.add(key);
                } else {
                    leftOut++;
                }
            }
        }
        return leftOut;
    }

    private boolean belongsHere(final long key) {
        return own().carries(ForwardingTable.vlan(key)) && !isElsewhere(key);
    }

    private Port own() {
        final Port own = ports.port(port);
        assert own != null : "the port was added before it was used";
        return own;
    }

    /** Returns whether a station is behind another running port. The port that a migrating guest left does not run. */
    private boolean isElsewhere(final long key) {
        final int at = table.find(key, workers.now());
        final Port other = at == ForwardingTable.UNKNOWN || at == port ? null : ports.port(at);
        return other != null && other.state() == PortState.RUNNING;
    }

    /**
     * Moves a station to this port, and announces it on every other port. Ignores an immediate repetition.
     *
     * <p>The front-end's message names no VLAN, so the station is announced in all VLANs of the port. If the port is in
     * more than {@link #MAX_ANNOUNCED}, only the station's known VLANs and the untagged VLAN are used.
     */
    @Override
    public void announce(final long address) {
        final int now = workers.now();
        final PortVlan vlan = own().vlan();
        final int[] vlans = vlan == null ? NO_VLAN : vlan.all();
        final int untagged = vlan == null ? 0 : vlan.untagged();
        final int[] announced = vlans.length <= MAX_ANNOUNCED ? vlans
            : Arrays.stream(vlans).filter(each -> each == untagged || isKnown(address, each, now)).toArray();
        boolean known = true;
        for (final int each : announced) {
            known &= moveHere(ForwardingTable.key(address, each), now);
        }
        final long nanos = nanoClock.getAsLong();
        if (known && address == lastAddress && nanos - lastNanos < REPEAT_NANOS) {
            return;
        }
        lastAddress = address;
        lastNanos = nanos;
        workers.announce(port, address, announced);
    }

    private boolean isKnown(final long address, final int vlan, final int now) {
        return table.find(ForwardingTable.key(address, vlan), now) != ForwardingTable.UNKNOWN;
    }

    /**
     * Enters a station of this port in the forwarding table.
     *
     * @return whether the station was at this port before
     */
    private boolean moveHere(final long key, final int now) {
        final boolean was = table.find(key, now) == port;
        table.learn(key, port, now);
        for (int i = 1; i < ATTEMPTS && table.find(key, now) != port; i++) {
            table.learn(key, port, now);
        }
        return was;
    }
}
