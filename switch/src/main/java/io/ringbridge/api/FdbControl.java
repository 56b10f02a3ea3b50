package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

import java.util.List;

/** The operations of the API on the forwarding table. Any thread may call. */
public interface FdbControl {
    List<StationView> stations();

    /**
     * Adds a static station: it neither ages nor moves until it or its port is removed.
     *
     * @param spec {@code mac=52:54:00:00:00:01,port=vm1,vlan=10}; {@code vlan} defaults to the VLAN of the port's
     *     untagged frames
     * @return the station
     * @throws ApiException if there is no such port, or no room
     * @throws io.ringbridge.config.ConfigException if the specification is malformed, or the port is not in the VLAN
     */
    StationView add(String spec);

    /**
     * Removes a station, learned or static.
     *
     * @param spec {@code mac=52:54:00:00:00:01,vlan=10}; {@code vlan} may be omitted if the station is in one VLAN only
     * @throws ApiException if the station is unknown, or if {@code vlan} is omitted and it is in several
     */
    void remove(String spec);

    /**
     * Removes the stations behind a port.
     *
     * @param port its name; null for every port
     * @param statics whether to remove static stations as well
     * @return the number of stations removed
     * @throws ApiException if there is no such port
     */
    int flush(@Nullable String port, boolean statics);
}
