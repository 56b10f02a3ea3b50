package io.ringbridge.api;

import java.util.List;

/**
 * An operation of the API: the action of a method at a path.
 *
 * @param path a template such as {@code /v1/ports/{name}}, whose variables stand for one segment each
 * @param body whether the request has a body
 * @param parameters the names that the query may have
 * @param streams whether the answer may be a {@link Answer.Stream}
 */
record Route(String method, String path, Body body, List<String> parameters, boolean streams, Action action) {
    /** Whether a request has a body. */
    enum Body { NONE, OPTIONAL, NEEDED }

    /** Executes a request. */
    interface Action {
        /**
         * Executes a request on a thread that may block.
         *
         * @throws ApiException if the request fails
         * @throws io.ringbridge.config.ConfigException if the request is malformed
         */
        Answer run(ApiRequest request);
    }

    static Route get(final String path, final Action action) {
        return new Route("GET", path, Body.NONE, List.of(), false, action);
    }

    static Route post(final String path, final Action action) {
        return new Route("POST", path, Body.NONE, List.of(), false, action);
    }

    static Route delete(final String path, final Action action) {
        return new Route("DELETE", path, Body.NONE, List.of(), false, action);
    }

    /** Returns an operation that changes what its body names. */
    static Route patch(final String path, final Action action) {
        return new Route("PATCH", path, Body.NEEDED, List.of(), false, action);
    }

    /** Returns this operation for requests with a body. */
    Route with(final Body newBody) {
        return new Route(method, path, newBody, parameters, streams, action);
    }

    /** Returns this operation with parameters in the query. */
    Route query(final String... names) {
        return new Route(method, path, body, List.of(names), streams, action);
    }

    /** Returns this operation with a stream as its answer. */
    Route streaming() {
        return new Route(method, path, body, parameters, true, action);
    }
}
