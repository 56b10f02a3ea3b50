package io.ringbridge.api;

/** A request has failed so that the switch serves nothing any more: it ends when whoever asked has been told. */
public final class LastException extends ApiException {
    /** With the HTTP status that says what kind of failure it is. */
    public LastException(final int status, final String message) {
        super(status, message);
    }
}
