package io.ringbridge.api;

import java.time.Duration;
import java.util.List;

/** The upgrade of the switch to another version. */
record UpgradeResource(UpgradeControl upgrades) implements Resource {
    private static final String TIMEOUT = "timeout";
    private static final int BAD_REQUEST = 400;
    private static final int MAX_SECONDS = 3600;

    @Override
    public List<Route> routes() {
        return List.of(Route.post("/v1/upgrade", this::upgrade).with(Route.Body.OPTIONAL).query(TIMEOUT));
    }

    private Answer upgrade(final ApiRequest request) {
        final String seconds = request.parameter(TIMEOUT);
        final Duration limit = seconds == null ? UpgradeControl.LIMIT : Duration.ofSeconds(seconds(seconds));
        try {
            return Answer.of(upgrades.run(request.body().isEmpty() ? null : request.body(), limit), _ -> "")
                .then(upgrades::answered);
        } catch (final SwitchLostException e) {
            return Answer.of(Problem.of(e)).then(upgrades::answered);
        }
    }

    private static long seconds(final String text) {
        if (!text.matches("\\d{1,9}") || Long.parseLong(text) < 1 || Long.parseLong(text) > MAX_SECONDS) {
            throw new ApiException(BAD_REQUEST, "timeout=" + text + " is not a whole number of seconds from 1 to "
                + MAX_SECONDS);
        }
        return Long.parseLong(text);
    }
}
