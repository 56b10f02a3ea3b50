package io.ringbridge.datapath.port;

/** What the switch knows of the stations behind a port, as the port sees it. Called by the thread that commands the port. */
public interface Stations {
    /** Makes verdicts void that name this port's queues. */
    void changed();

    /** Forgets the stations heard here. */
    void forget();

    /**
     * Knows a station here that was not heard, and lets every other port hear of it.
     *
     * @param address its address, the first byte on the wire the lowest
     */
    void announce(long address);
}
