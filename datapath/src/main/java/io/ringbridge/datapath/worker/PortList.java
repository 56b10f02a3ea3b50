package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.bridge.Bridge;
import io.ringbridge.datapath.port.Port;
import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** The current ports, in arrays that are copied on write. Workers read; control threads write under a lock. */
final class PortList implements Bridge.PortTable {
    private volatile @Nullable Port[] byIndex = {};
    private volatile Port[] present = {};

    @Override
    public @Nullable Port port(final int index) {
        final @Nullable Port[] ports = byIndex;
        return index < ports.length ? ports[index] : null;
    }

    @Override
    public boolean floodReachesAny(final Port from, final int vlan) {
        for (final Port port : present) {
            if (port != from && !port.isDown() && port.carries(vlan)) {
                return true;
            }
        }
        return false;
    }

    /** Returns the current ports, without gaps. */
    Port[] present() {
        return present;
    }

    List<Port> asList() {
        return List.of(present);
    }

    /** Returns the lowest free index. */
    synchronized int freeIndex() {
        final int gap = Arrays.asList(byIndex).indexOf(null);
        return gap >= 0 ? gap : byIndex.length;
    }

    synchronized void put(final int index, final @Nullable Port port) {
        final @Nullable Port[] copy = Arrays.copyOf(byIndex, Math.max(byIndex.length, index + 1));
        copy[index] = port;
        byIndex = copy;
        present = Arrays.stream(copy).filter(Objects::nonNull).toArray(Port[]::new);
    }
}
