package io.ringbridge.api;

import java.util.List;
import java.util.Map;

/** The forwarding table. */
record FdbResource(FdbControl fdb) implements Resource {
    private static final String ALL = "/v1/fdb";
    private static final String PORT = "port";
    private static final String STATIC = "static";
    private static final String VLAN = "vlan";

    @Override
    public List<Route> routes() {
        return List.of(
            Route.get(ALL, _ -> Answer.of(fdb.stations(), Tables::stations)),
            Route.post(ALL, this::add).with(Route.Body.NEEDED),
            Route.delete(ALL, this::flush).query(PORT, STATIC),
            Route.delete(ALL + "/{mac}", this::remove).query(VLAN));
    }

    private Answer add(final ApiRequest request) {
        return Answer.created(fdb.add(request.body()));
    }

    private Answer remove(final ApiRequest request) {
        fdb.remove("mac=" + quoted(request.variable("mac"))
            + request.query().text(VLAN, "the number of a VLAN").map(vlan -> ",vlan=" + quoted(vlan)).orElse(""));
        return Answer.DONE;
    }

    private static String quoted(final String value) {
        return value.replace(",", ",,");
    }

    private Answer flush(final ApiRequest request) {
        final boolean statics = request.query().bool(STATIC).orElse(false);
        final int flushed = fdb.flush(request.query().text(PORT, "the name of a port").orElse(null), statics);
        return Answer.of(Map.of("flushed", flushed), _ -> flushed + (flushed == 1 ? " station" : " stations")
            + " removed");
    }
}
