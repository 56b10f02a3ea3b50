package io.ringbridge.api;

import java.util.List;

/** The configuration in force. */
record ConfigResource(ConfigControl config) implements Resource {
    private static final String PATH = "/v1/config";
    private static final String PERSIST = "persist";
    private static final String DRY_RUN = "dry-run";
    private static final String PRUNE = "prune";
    private static final String RECREATE = "recreate";

    @Override
    public List<Route> routes() {
        return List.of(
            Route.get(PATH, this::show).query(PERSIST),
            Route.patch(PATH, request -> Answer.of(config.change(request.body()), Changes::of)),
            Route.post(PATH + "/reload", request -> Answer.of(config.reload(new ReloadOptions(isOn(request, DRY_RUN),
                isOn(request, PRUNE), isOn(request, RECREATE))), Changes::of)).query(DRY_RUN, PRUNE, RECREATE));
    }

    private Answer show(final ApiRequest request) {
        if (isOn(request, PERSIST)) {
            config.persist();
        }
        return Answer.of(config.view(), Tables::config);
    }

    private static boolean isOn(final ApiRequest request, final String name) {
        return request.query().bool(name).orElse(false);
    }
}
