package io.ringbridge.config;

import io.ringbridge.config.Places.Place;
import io.ringbridge.config.PortKey.Adoption;
import io.ringbridge.datapath.port.PortVlan;
import org.jspecify.annotations.Nullable;

import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The configuration of a port. Each kind of port has the keys of that kind in {@link PortKey}. */
public sealed interface PortConfig permits GuestPortConfig, TapPortConfig, PcapPortConfig, BackendPortConfig {
    /** Returns the values of the port's keys. */
    PortValues values();

    /** Returns the number of queue pairs of a vhost-user session, or of queues otherwise. */
    int queues();

    /**
     * Returns the sockets, devices and files that the port uses. The ones that it owns come first: its socket, its
     * device before the bridge, the file that it writes before the one that it reads.
     */
    List<Place> places();

    /** Whether another port uses a socket, a device or a file that only one port can use. */
    default boolean conflictsWith(final PortConfig other) {
        return places().stream().anyMatch(place -> other.places().stream().anyMatch(
            their -> place.identity().equals(their.identity()) && (place.alone() || their.alone())));
    }

    /** Returns the name of the port's socket, device or file. */
    default String place() {
        return places().getFirst().name();
    }

    /** Returns the name, which is unique in the switch. */
    default String name() {
        return values().get(PortKey.NAME, String.class);
    }

    /** Returns the kind of the port. */
    default PortKind kind() {
        return values().get(PortKey.TYPE, PortKind.class);
    }

    /** Returns the VLANs of the port; null if none are configured. */
    default @Nullable PortVlan vlan() {
        final int untagged = values().find(PortKey.VLAN, Integer.class).orElse(0);
        return values().find(PortKey.TRUNK, BitSet.class).map(tagged -> PortVlan.trunk(tagged, untagged))
            .orElseGet(() -> untagged == 0 ? null : PortVlan.access(untagged));
    }

    /**
     * Returns the reserved groups that the port relays when frames come in here: one bit per group, indexed by the last
     * octet of its address.
     */
    default int groupForward() {
        return values().get(PortKey.GROUP_FORWARD, Integer.class);
    }

    /** Returns the value of a key in the form of {@code show config}; empty if it does not apply or has no value. */
    default Optional<Object> shown(final PortKey key) {
        return values().shown(key);
    }

    /** Returns the configuration in the form of {@code show config}: the keys that do not have their default. */
    default Map<String, Object> shown() {
        return values().shown();
    }

    /** Returns the keys whose values differ from those of another configuration, in the order of the table. */
    default List<PortKey> differences(final PortConfig other) {
        return values().differences(other.values());
    }

    /** Whether a port that runs with another configuration can adopt this one. */
    default boolean fits(final PortConfig old) {
        return differences(old).stream().noneMatch(key -> key.adoption() == Adoption.NEVER);
    }
}
