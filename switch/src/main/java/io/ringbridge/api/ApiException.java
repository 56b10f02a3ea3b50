package io.ringbridge.api;

/** A request that cannot be carried out; the message is one line for the user. */
public sealed class ApiException extends RuntimeException permits LastException {
    private final int status;

    /** With the HTTP status that says what kind of refusal it is. */
    public ApiException(final int status, final String message) {
        super(message);
        this.status = status;
    }

    public int status() {
        return status;
    }
}
