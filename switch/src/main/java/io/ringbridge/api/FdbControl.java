package io.ringbridge.api;

import java.util.List;

/** What the API can ask of the forwarding table. Any thread may call in. */
public interface FdbControl {
    List<StationView> stations();

    /**
     * Sets a station by hand: it neither ages nor moves until it is removed, or its port is.
     *
     * @param spec {@code mac=52:54:00:00:00:01,port=vm1,vlan=10}; without {@code vlan} it is in that of its port's frames without a tag
     * @throws ApiException when there is no such port, or no room
     * @throws io.ringbridge.config.ConfigException when the spec makes no sense, or its port is not in the VLAN
     */
    void add(String spec);

    /**
     * Forgets a station, learned or set by hand.
     *
     * @param spec {@code mac=52:54:00:00:00:01,vlan=10}; {@code vlan} may be left out where it is known in one only
     * @throws ApiException when it is not known, or in several VLANs
     */
    void remove(String spec);

    /**
     * Forgets the stations behind a port.
     *
     * @param port its name; null for every port
     * @param statics those set by hand as well
     * @return how many
     * @throws ApiException when there is no such port
     */
    int flush(String port, boolean statics);
}
