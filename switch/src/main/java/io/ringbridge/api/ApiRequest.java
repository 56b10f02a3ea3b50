package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

import java.util.Map;

/**
 * A request to a {@link Route}.
 *
 * @param variables the segments of the path for which the variables stand
 * @param parameters the parameters of the query
 * @param body an empty string if there is none
 */
record ApiRequest(Map<String, String> variables, Map<String, String> parameters, String body) {
    /** Returns the segment for which a variable of the path stands. */
    String variable(final String name) {
        final String segment = variables.get(name);
        if (segment == null) {
            throw new IllegalArgumentException(name + " is not a variable of this path");
        }
        return segment;
    }

    /** Returns a parameter of the query, or null if it is absent. */
    @Nullable String parameter(final String name) {
        return parameters.get(name);
    }
}
