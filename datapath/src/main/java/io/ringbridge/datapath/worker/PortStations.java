package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.port.Stations;

import java.util.function.LongSupplier;

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

    private final int port;
    private final Worker[] workers;
    private final ForwardingTable table;
    private final LongSupplier nanoClock;
    private long lastAddress;
    private long lastNanos;

    PortStations(final int port, final Worker[] workers, final ForwardingTable table, final LongSupplier nanoClock) {
        this.port = port;
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

    /** Moves the station here, and lets every other port hear of it. The same again in a moment is heard once. */
    @Override
    public void announce(final long address) {
        final long key = ForwardingTable.key(address, 0);
        final int now = workers[0].now();
        final boolean known = table.find(key, now) == port;
        table.learn(key, port, now);
        for (int i = 1; i < ATTEMPTS && table.find(key, now) != port; i++) {
            table.learn(key, port, now);
        }
        final long nanos = nanoClock.getAsLong();
        if (known && address == lastAddress && nanos - lastNanos < REPEAT_NANOS) {
            return;
        }
        lastAddress = address;
        lastNanos = nanos;
        for (final Worker worker : workers) {
            worker.execute(() -> worker.announce(port, address));
        }
    }
}
