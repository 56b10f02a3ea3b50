package io.ringbridge.control.protocol;

/**
 * What the peer asked for cannot be done; the message says what was wrong, and what is allowed.
 *
 * <p>A malformed message ends the connection, since nothing that follows it can be trusted. A well-formed one that is refused ends
 * it only where there is no other way to say so (vhost-user, "REPLY_ACK").
 */
public final class ProtocolException extends RuntimeException {
    private final boolean endsConnection;

    private ProtocolException(final String message, final boolean endsConnection) {
        super(message);
        this.endsConnection = endsConnection;
    }

    /** Nothing more can be said on this connection; as after a message that breaks the specification's layout. */
    public static ProtocolException fatal(final String message) {
        return new ProtocolException(message, true);
    }

    /** The message is well-formed, and its content cannot be accepted. */
    public static ProtocolException refused(final String message) {
        return new ProtocolException(message, false);
    }

    /** Whether the connection has to end, whatever the peer can be told. */
    public boolean endsConnection() {
        return endsConnection;
    }
}
