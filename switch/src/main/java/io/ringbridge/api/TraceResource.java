package io.ringbridge.api;

import java.util.List;

/** The last messages and the last frames of a port. */
record TraceResource(TraceControl traces) implements Resource {
    private static final String MESSAGES = "/v1/ports/{name}/trace";
    private static final String NAME = "name";

    @Override
    public List<Route> routes() {
        return List.of(
            Route.get(MESSAGES,
                request -> Answer.of(traces.messages(request.variable(NAME)), TraceText::messages)),
            Route.get(MESSAGES + "/frames",
                request -> Answer.of(traces.frames(request.variable(NAME)), TraceText::frames)));
    }
}
