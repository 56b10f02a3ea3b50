package io.ringbridge.config;

import io.ringbridge.config.Places.Place;
import io.ringbridge.control.uplink.TapOptions;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The configuration of a tap device's port. */
public record TapPortConfig(PortValues values) implements PortConfig {
    @Override
    public int queues() {
        return values.get(PortKey.TAP_QUEUES, Integer.class);
    }

    /** Returns the options of the device. */
    public TapOptions options() {
        return new TapOptions(device(), values.find(PortKey.TAP_MTU, Integer.class).orElse(0),
            values.isOn(PortKey.PERSIST), master().orElse(null), values.isOn(PortKey.UP));
    }

    private String device() {
        return values.get(PortKey.DEVICE, String.class);
    }

    private Optional<String> master() {
        return values.find(PortKey.MASTER, String.class);
    }

    @Override
    public List<Place> places() {
        return Stream.concat(Stream.of(Place.device(PortKey.DEVICE, device(), true)),
            master().stream().map(bridge -> Place.device(PortKey.MASTER, bridge, false))).toList();
    }
}
