package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

/** A failure after which the switch serves nothing: the switch ends once the client has its answer. */
public final class SwitchLostException extends ApiException {
    /** Takes the HTTP status of the answer. */
    public SwitchLostException(final int status, final @Nullable String message) {
        super(status, message);
    }
}
