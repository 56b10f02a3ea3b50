package io.ringbridge.config;

import io.ringbridge.config.Places.Place;
import io.ringbridge.control.uplink.FrontendOptions;
import io.ringbridge.datapath.ring.Features;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The configuration of a port that is attached to another back-end. */
public record BackendPortConfig(PortValues values) implements PortConfig {
    private static final String VERSION_1 = "version_1";

    @Override
    public int queues() {
        return values.get(PortKey.BACKEND_QUEUES, Integer.class);
    }

    /** Returns the options of the session with the back-end. */
    public FrontendOptions options() {
        return new FrontendOptions(socket(),
            (~Offloads.ALL | values.get(PortKey.BACKEND_OFFLOADS, Long.class))
                & features().map(FeatureList::word).orElse(-1L),
            values.get(PortKey.BACKEND_MTU, Integer.class));
    }

    private Path socket() {
        return values.get(PortKey.BACKEND_SOCKET, Path.class);
    }

    private Optional<FeatureList> features() {
        return values.find(PortKey.BACKEND_FEATURES, FeatureList.class);
    }

    /** Refuses features that the port never accepts, and a list without the one that it needs. */
    void check(final Section section) {
        features().ifPresent(list -> {
            list.check(section, PortKey.BACKEND_FEATURES.word(), FrontendOptions.acceptable(queues()));
            if (!Features.has(list.word(), Features.VERSION_1)) {
                throw section.error(PortKey.BACKEND_FEATURES.word(), VERSION_1 + " is missing; it is needed");
            }
        });
    }

    @Override
    public List<Place> places() {
        return List.of(Place.socket(socket().toString()));
    }
}
