package io.ringbridge.api;

import io.ringbridge.config.Section;
import org.eclipse.jetty.http.HttpFields;
import org.jspecify.annotations.Nullable;

import java.util.Map;

/**
 * A request to a {@link Route}.
 *
 * @param variables the segments of the path for which the variables stand
 * @param query the parameters of the query, which are those of the route
 * @param headers the header fields of the request, by names in any case
 * @param body an empty string if there is none
 */
record ApiRequest(Map<String, String> variables, Section query, HttpFields headers, String body) {
    /** Returns the segment for which a variable of the path stands. */
    String variable(final String name) {
        final String segment = variables.get(name);
        if (segment == null) {
            throw new IllegalArgumentException(name + " is not a variable of this path");
        }
        return segment;
    }

    /** Returns a header field, or null if it is absent. */
    @Nullable String header(final String name) {
        return headers.get(name);
    }
}
