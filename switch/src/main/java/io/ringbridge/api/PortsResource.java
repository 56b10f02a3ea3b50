package io.ringbridge.api;

import java.util.List;

/** The ports. */
record PortsResource(PortControl ports) implements Resource {
    private static final String ALL = "/v1/ports";
    private static final String ONE = "/v1/ports/{name}";
    private static final String NAME = "name";

    @Override
    public List<Route> routes() {
        return List.of(
            Route.get(ALL, request -> Answer.of(ports.views(), views -> Tables.ports(views, Units.of(request))))
                .query(Units.PARAMETER),
            Route.post(ALL, this::add).with(Route.Body.NEEDED),
            Route.get(ONE, request -> Answer.of(ports.view(request.variable(NAME)),
                view -> Tables.port(view, Units.of(request)))).query(Units.PARAMETER),
            Route.get(ONE + "/diagnosis",
                request -> Answer.of(ports.diagnose(request.variable(NAME)), Tables::checks)),
            Route.patch(ONE, request -> Answer.of(ports.change(request.variable(NAME), request.body()), Changes::of)),
            Route.delete(ONE, request -> {
                ports.remove(request.variable(NAME));
                return Answer.DONE;
            }),
            Route.post(ONE + "/suspend", request -> {
                ports.suspend(request.variable(NAME));
                return Answer.DONE;
            }),
            Route.post(ONE + "/resume", request -> {
                ports.resume(request.variable(NAME));
                return Answer.DONE;
            }),
            Route.post(ONE + "/reset-counters", request -> {
                ports.resetCounters(request.variable(NAME));
                return Answer.DONE;
            }));
    }

    private Answer add(final ApiRequest request) {
        final PortView added = ports.add(request.body());
        return Answer.created(ALL + '/' + added.name(), added);
    }
}
