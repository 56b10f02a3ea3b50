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
 */
record Problem(String type, String title, int status, String detail) {
    static final String MEDIA_TYPE = "application/problem+json";

    static Problem of(final int status, final @Nullable String detail) {
        return new Problem("about:blank", HttpStatus.getMessage(status), status, String.valueOf(detail));
    }

    static Problem of(final ApiException failure) {
        return of(failure.status(), failure.getMessage());
    }

    static Problem of(final ConfigException failure) {
        return of(failure.isConflict() ? HttpStatus.CONFLICT_409 : HttpStatus.BAD_REQUEST_400, failure.getMessage());
    }
}
