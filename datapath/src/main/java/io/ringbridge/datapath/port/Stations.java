package io.ringbridge.datapath.port;

/** What the switch knows of the stations behind a port, as the port sees it. Called by the thread that commands the port. */
public interface Stations {
    /** The most that may be set by hand behind a port. */
    int MAX_STATICS = 1024;

    /** Makes verdicts void that name this port's queues. */
    void changed();

    /** Forgets the stations heard here. */
    void forget();

    /** Forgets all stations here, those that were set by hand as well. */
    void forgetAll();

    /** The stations set by hand here, by their keys in the forwarding table. */
    long[] statics();

    /**
     * Sets stations by hand here, as they were where their guest came from. Left out are those that are known at another port which runs,
     * those in VLANs that this port is not in, and what is more than {@link #MAX_STATICS} in all.
     *
     * @param keys as in the forwarding table
     * @return how many were left out
     */
    int addStatics(long... keys);

    /**
     * Knows a station here that was not heard, and lets every other port hear of it.
     *
     * @param address its address, the first byte on the wire the lowest
     */
    void announce(long address);
}
