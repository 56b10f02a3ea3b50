package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.Stations;

import java.util.Arrays;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * The stations behind one port, as the forwarding table has them. One that has sent nothing here, as after a migration, is announced, so
 * that frames find it at once.
 *
 * <p>Owned by the port's session, which an announcement makes wait for the workers.
 */
final class PortStations implements Stations {
    /** Less than the shortest pause between the repetitions that front-ends make against loss, which is 50 ms. */
    private static final long REPEAT_NANOS = 40_000_000;
    /** How often to write a table entry that workers write at the same time; a static one elsewhere never becomes this port's. */
    private static final int ATTEMPTS = 8;
    /** As many announcements fit any receive queue. */
    private static final int MAX_ANNOUNCED = 64;
    private static final int[] NO_VLAN = {0};

    private final int port;
    private final PortList ports;
    private final int[] vlans;
    private final int untagged;
    private final Worker[] workers;
    private final ForwardingTable table;
    private final LongSupplier nanoClock;
    private long lastAddress;
    private long lastNanos;

    /**
     * Knows none yet.
     *
     * @param ports all there are, this one among them by the time that it is used
     * @param vlan the VLANs that the port is in, or null
     */
    PortStations(final int port, final PortList ports, final PortVlan vlan, final Worker[] workers, final ForwardingTable table,
                 final LongSupplier nanoClock) {
        this.port = port;
        this.ports = ports;
        vlans = vlan == null ? NO_VLAN : vlan.all();
        untagged = vlan == null ? 0 : vlan.untagged();
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
        return ports.port(port).carries(ForwardingTable.vlan(key)) && !isElsewhere(key);
    }

    /** Whether a station is behind another port, which runs: the one that its guest has just left does not. */
    private boolean isElsewhere(final long key) {
        final int at = table.find(key, workers[0].now());
        final Port other = at == ForwardingTable.UNKNOWN || at == port ? null : ports.port(at);
        return other != null && other.state() == PortState.RUNNING;
    }

    /**
     * Moves the station here, and lets every other port hear of it. The same again in a moment is heard once.
     *
     * <p>The front-end does not say in which VLANs it is: it is announced in all that the port is in. Where these are many, it is in those
     * in which the station has been heard, and in that of frames without a tag.
     */
    @Override
    public void announce(final long address) {
        final int now = workers[0].now();
        final int[] announced = vlans.length <= MAX_ANNOUNCED ? vlans
            : Arrays.stream(vlans).filter(vlan -> vlan == untagged || isKnown(address, vlan, now)).toArray();
        boolean known = true;
        for (final int vlan : announced) {
            known &= moveHere(ForwardingTable.key(address, vlan), now);
        }
        final long nanos = nanoClock.getAsLong();
        if (known && address == lastAddress && nanos - lastNanos < REPEAT_NANOS) {
            return;
        }
        lastAddress = address;
        lastNanos = nanos;
        for (final Worker worker : workers) {
            worker.execute(() -> {
                for (final int vlan : announced) {
                    worker.announce(port, address, vlan);
                }
            });
        }
    }

    private boolean isKnown(final long address, final int vlan, final int now) {
        return table.find(ForwardingTable.key(address, vlan), now) != ForwardingTable.UNKNOWN;
    }

    /** Notes that a station is here; whether it was before. */
    private boolean moveHere(final long key, final int now) {
        final boolean was = table.find(key, now) == port;
        table.learn(key, port, now);
        for (int i = 1; i < ATTEMPTS && table.find(key, now) != port; i++) {
            table.learn(key, port, now);
        }
        return was;
    }
}
