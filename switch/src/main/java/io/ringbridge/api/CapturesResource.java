package io.ringbridge.api;

import java.util.List;

/** The captures of frames at ports. */
record CapturesResource(CaptureControl captures) implements Resource {
    private static final String ALL = "/v1/captures";
    /** The media type that Wireshark registers for the format. */
    private static final String PCAPNG = "application/x-pcapng";

    @Override
    public List<Route> routes() {
        return List.of(
            Route.get(ALL, _ -> Answer.of(captures.views(), Tables::captures)),
            Route.post(ALL, request ->
                Answer.of(new Answer.Stream(PCAPNG, captures.begin(request.body())::writeTo)))
                .with(Route.Body.NEEDED).streaming());
    }
}
