package io.ringbridge.api;

import io.ringbridge.config.Section;

import java.time.Duration;
import java.util.List;

/** The upgrade of the switch to another version. */
record UpgradeResource(UpgradeControl upgrades) implements Resource {
    private static final String PROGRAM = "program";
    private static final String TIMEOUT = "timeout";
    private static final int MAX_SECONDS = 3600;

    @Override
    public List<Route> routes() {
        return List.of(Route.post("/v1/upgrade", this::upgrade).with(Route.Body.OPTIONAL));
    }

    private Answer upgrade(final ApiRequest request) {
        final Section body = Section.parse("upgrade", request.body().isEmpty() ? "{}" : request.body(),
            List.of(PROGRAM, TIMEOUT));
        final String program = body.text(PROGRAM, "the path of a program").orElse(null);
        final Duration limit =
            body.integer(TIMEOUT, 1, MAX_SECONDS).map(Duration::ofSeconds).orElse(UpgradeControl.LIMIT);
        try {
            return Answer.of(upgrades.run(program, limit), _ -> "").then(upgrades::answered);
        } catch (final SwitchLostException e) {
            return Answer.of(Problem.of(e)).then(upgrades::answered);
        }
    }
}
