package io.ringbridge.datapath.port;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The stations behind a guest's port, as its session sees them, and the announcement that waits until the port resumes.
 *
 * <p>The session's thread may set an announcement while another thread resumes the port. At least one of them then sees
 * both the announcement and the end of the suspension, and only one takes the announcement.
 */
public final class GuestStations {
    private final Stations stations;
    private final GuestPort port;
    /** The station to announce when the suspension ends, or 0. */
    private final AtomicLong pending = new AtomicLong();

    GuestStations(final Stations stations, final GuestPort port) {
        this.stations = stations;
        this.port = port;
    }

    /**
     * Announces a station behind this port to the bridge and to every other port, as if the station had sent a reverse
     * ARP request. No ring of this port needs to run.
     *
     * @param address a unicast address; its first byte on the wire is the lowest byte
     */
    public void announce(final long address) {
        stations.announce(address);
    }

    /**
     * Announces a station now, or when the suspension ends if the port is suspended.
     *
     * @param address as in {@link #announce}; 0 to withdraw a pending announcement
     */
    public void announceWhenResumed(final long address) {
        pending.set(address); // before the read of the suspension; pairs with GuestPort.resume
        if (port.suspendedBy().isEmpty()) {
            announcePending();
        }
    }

    /** Makes the pending announcement, if there is one. Called without the port's lock, since workers take part. */
    void announcePending() {
        final long station = pending.getAndSet(0);
        if (station != 0) {
            announce(station);
        }
    }

    /** Withdraws a pending announcement. */
    void withdraw() {
        pending.set(0);
    }

    /** Whether an announcement is pending until the suspension ends. */
    public boolean hasPending() {
        return pending.get() != 0;
    }

    /** Returns the static stations, by their keys in the forwarding table. */
    public long[] statics() {
        return stations.statics();
    }

    /**
     * Adds static stations that the guest had on its previous host.
     *
     * @return the number of stations left out, see {@link Stations#addStatics}
     */
    public int addStatics(final long... keys) {
        return stations.addStatics(keys);
    }

    /** Forgets every station, static ones included, because they have moved with the guest. */
    public void forgetAll() {
        stations.forgetAll();
    }
}
