package io.ringbridge.api;

import java.util.List;

/** The levels of the log. */
record LogLevelsResource(LogControl log) implements Resource {
    private static final String PATH = "/v1/log-levels";

    @Override
    public List<Route> routes() {
        return List.of(
            Route.get(PATH, _ -> Answer.of(log.levels(), Tables::logLevels)),
            Route.patch(PATH, request -> Answer.of(log.change(request.body()), Tables::logLevels))
                .with(Route.Body.NEEDED));
    }
}
