package io.ringbridge.api;

import io.ringbridge.config.ConfigException;
import org.eclipse.jetty.http.HttpStatus;
import org.jspecify.annotations.Nullable;

/**
 * A request that failed or was refused, as a problem document (RFC 9457).
 *
 * @param type always {@code about:blank}: the status describes the problem
 * @param title the name of the status
 * @param detail one line for people
 * @param key the key in error; absent if the problem is in no particular key
 * @param value the value in error; absent if there is none
 * @param allowed the allowed values, in words; absent if the detail alone explains the problem
 */
record Problem(String type, String title, int status, String detail, @Nullable String key, @Nullable String value,
               @Nullable String allowed) {
    static final String MEDIA_TYPE = "application/problem+json";
    private static final String BLANK = "about:blank";

    static Problem of(final int status, final @Nullable String detail) {
        return new Problem(BLANK, HttpStatus.getMessage(status), status, String.valueOf(detail), null, null, null);
    }

    static Problem of(final ApiException failure) {
        return of(failure.status(), failure.getMessage());
    }

    static Problem of(final ConfigException failure) {
        final Problem problem =
            of(failure.isConflict() ? HttpStatus.CONFLICT_409 : HttpStatus.BAD_REQUEST_400, failure.getMessage());
        final ConfigException.Fault fault = failure.fault();
        return fault == null ? problem : new Problem(BLANK, problem.title(), problem.status(), problem.detail(),
            fault.key(), fault.value(), fault.allowed());
    }
}
