package io.ringbridge.datapath.port;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** The current ports, in arrays that are copied on write. Workers read; control threads write under a lock. */
public final class PortList {
    /** The most ports at a time. */
    public static final int MAX_PORTS = 1024;

    private volatile @Nullable Port[] byIndex = {};
    private volatile Port[] present = {};
    private final Mirrors mirrors = new Mirrors();

    /** Returns the mirrors of ports and VLANs. */
    public Mirrors mirrors() {
        return mirrors;
    }

    /** Returns the port with an index, or null. */
    public @Nullable Port port(final int index) {
        final @Nullable Port[] ports = byIndex;
        return index < ports.length ? ports[index] : null;
    }

    /**
     * Whether a frame that a port floods in a VLAN reaches any other port.
     *
     * @param vlan 0 for ports without VLANs
     */
    public boolean floodReachesAny(final Port from, final int vlan) {
        for (final Port port : present) {
            if (port != from && !port.isDown() && port.carries(vlan)) {
                return true;
            }
        }
        return false;
    }

    /** Returns the current ports, without gaps. */
    public Port[] present() {
        return present;
    }

    public List<Port> asList() {
        return List.of(present);
    }

    /** Returns the lowest free index. */
    public synchronized int freeIndex() {
        final int gap = Arrays.asList(byIndex).indexOf(null);
        return gap >= 0 ? gap : byIndex.length;
    }

    public synchronized void put(final int index, final @Nullable Port port) {
        final @Nullable Port[] copy = Arrays.copyOf(byIndex, Math.max(byIndex.length, index + 1));
        copy[index] = port;
        byIndex = copy;
        present = Arrays.stream(copy).filter(Objects::nonNull).toArray(Port[]::new);
    }
}
