package io.ringbridge.api;

import java.util.List;
import java.util.Map;

/** The forwarding table. */
record FdbResource(FdbControl fdb) implements Resource {
    private static final String ALL = "/v1/fdb";
    private static final String PORT = "port";
    private static final String STATIC = "static";
    private static final String VLAN = "vlan";
    private static final int BAD_REQUEST = 400;

    @Override
    public List<Route> routes() {
        return List.of(
            Route.get(ALL, _ -> Answer.of(fdb.stations(), Tables::stations)),
            Route.post(ALL, this::add).with(Route.Body.NEEDED),
            Route.delete(ALL, this::flush).query(PORT, STATIC),
            Route.delete(ALL + "/{mac}", this::remove).query(VLAN));
    }

    private Answer add(final ApiRequest request) {
        fdb.add(request.body());
        return Answer.DONE;
    }

    private Answer remove(final ApiRequest request) {
        final String vlan = request.parameter(VLAN);
        fdb.remove("mac=" + quoted(request.variable("mac")) + (vlan == null ? "" : ",vlan=" + quoted(vlan)));
        return Answer.DONE;
    }

    private static String quoted(final String value) {
        return value.replace(",", ",,");
    }

    private Answer flush(final ApiRequest request) {
        final String statics = request.parameter(STATIC);
        if (statics != null && !statics.matches("true|false")) {
            throw new ApiException(BAD_REQUEST, "static=" + statics + " is neither true nor false");
        }
        final int flushed = fdb.flush(request.parameter(PORT), Boolean.parseBoolean(statics));
        return Answer.of(Map.of("flushed", flushed), _ -> flushed + (flushed == 1 ? " station" : " stations")
            + " removed");
    }
}
