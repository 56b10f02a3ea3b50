package io.ringbridge.datapath.port;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;

/**
 * The mirrors of the switch, in an array that is copied on write. Mirrors come and go while all workers are frozen, so
 * a copy in flight has the position of its mirror in the array.
 */
public final class Mirrors {
    /** The most mirrors at a time. */
    public static final int MAX = 16;

    private static final Mirror[] NONE = {};
    /** The entries of the smallest frame ring: a burst and its copies fit into it. */
    private static final int ROOM = 128;
    private static final int BURST = 64;

    private volatile Mirror[] all = NONE;
    private volatile int burst = BURST;

    /** Returns the mirrors. Workers read them once per burst. */
    public Mirror[] all() {
        return all;
    }

    /** Returns the most frames of a burst, so that a copy of each for every mirror has room. */
    public int burst() {
        return burst;
    }

    /** Returns the mirror at a position, or null. */
    public @Nullable Mirror at(final int position) {
        final Mirror[] now = all;
        return position < now.length ? now[position] : null;
    }

    /** Adds a mirror. While all workers are frozen. */
    public void add(final Mirror added) {
        final Mirror[] more = Arrays.copyOf(all, all.length + 1);
        more[all.length] = added;
        set(more);
    }

    /** Removes a mirror. While all workers are frozen. */
    public void remove(final Mirror removed) {
        set(Arrays.stream(all).filter(each -> each != removed).toArray(Mirror[]::new));
    }

    private void set(final Mirror[] now) {
        all = now;
        burst = Math.min(BURST, ROOM / (1 + now.length));
    }

    /** Whether a port is the destination of a mirror. */
    public boolean isDestination(final Port port) {
        return Arrays.stream(all).anyMatch(each -> each.to() == port);
    }
}
