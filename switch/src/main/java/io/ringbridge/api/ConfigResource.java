package io.ringbridge.api;

import java.util.List;

/** The configuration in force. */
record ConfigResource(ConfigControl config) implements Resource {
    @Override
    public List<Route> routes() {
        return List.of(Route.get("/v1/config", _ -> Answer.of(config.view(), Tables::config)));
    }
}
