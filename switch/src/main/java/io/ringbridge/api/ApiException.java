package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

/** A request that failed or was refused; the message is one line for the user. */
public sealed class ApiException extends RuntimeException permits SwitchLostException {
    private final int status;

    /** Takes the HTTP status of the answer. */
    public ApiException(final int status, final @Nullable String message) {
        super(message);
        this.status = status;
    }

    public int status() {
        return status;
    }
}
