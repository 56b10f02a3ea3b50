package io.ringbridge.datapath.port;

/** The bridge's stations behind a port, as the port sees them. The thread that commands the port calls. */
public interface Stations {
    /** The most static stations behind a port. */
    int MAX_STATICS = 1024;

    /** Invalidates the verdicts that name this port's queues. */
    void changed();

    /** Forgets the stations learned behind this port. */
    void forget();

    /** Forgets all stations behind this port, static ones included. */
    void forgetAll();

    /** Returns the static stations behind this port, by their keys in the forwarding table. */
    long[] statics();

    /**
     * Adds static stations that the guest had on its previous host. Stations known behind another running port,
     * stations in VLANs that this port is not in, and stations beyond {@link #MAX_STATICS} are left out.
     *
     * @param keys the stations' keys in the forwarding table
     * @return the number of stations left out
     */
    int addStatics(long... keys);

    /**
     * Learns a station behind this port without a frame from it, and announces it to every other port.
     *
     * @param address the station's address; its first byte on the wire is the lowest byte
     */
    void announce(long address);
}
