package io.ringbridge.api;

import java.util.List;

/** The mirrors. */
record MirrorsResource(MirrorControl mirrors) implements Resource {
    private static final String ALL = "/v1/mirrors";
    private static final String ONE = "/v1/mirrors/{name}";
    private static final String NAME = "name";

    @Override
    public List<Route> routes() {
        return List.of(
            Route.get(ALL, request -> Answer.of(mirrors.views(), views -> Tables.mirrors(views, Units.of(request))))
                .query(Units.PARAMETER),
            Route.post(ALL, this::add).with(Route.Body.NEEDED),
            Route.get(ONE, request -> Answer.of(mirrors.view(request.variable(NAME)),
                view -> Tables.mirrors(List.of(view), Units.of(request)))).query(Units.PARAMETER),
            Route.delete(ONE, request -> {
                mirrors.remove(request.variable(NAME));
                return Answer.DONE;
            }));
    }

    private Answer add(final ApiRequest request) {
        final MirrorView added = mirrors.add(request.body());
        return Answer.created(ALL + '/' + added.name(), added);
    }
}
