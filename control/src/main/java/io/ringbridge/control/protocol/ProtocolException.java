package io.ringbridge.control.protocol;

/**
 * What the peer asked for cannot be done; the message says what was wrong, and what is allowed.
 *
 * <p>A malformed message ends the connection, since nothing that follows it can be trusted. A well-formed one that is refused ends
 * it only where there is no other way to say so (vhost-user, "REPLY_ACK"). One that concerns a thing without a use
 * never ends it.
 */
public final class ProtocolException extends RuntimeException {
    private enum Kind { FATAL, REFUSED, WITHOUT_USE }

    private final Kind kind;

    private ProtocolException(final String message, final Kind kind) {
        super(message);
        this.kind = kind;
    }

    /** Nothing more can be said on this connection; as after a message that breaks the specification's layout. */
    public static ProtocolException fatal(final String message) {
        return new ProtocolException(message, Kind.FATAL);
    }

    /** The message is well-formed, and its content cannot be accepted. */
    public static ProtocolException refused(final String message) {
        return new ProtocolException(message, Kind.REFUSED);
    }

    /** The message is well-formed, and concerns a thing that has no use with the negotiated features. */
    public static ProtocolException withoutUse(final String message) {
        return new ProtocolException(message, Kind.WITHOUT_USE);
    }

    /** Whether the connection has to end, whatever the peer can be told. */
    public boolean endsConnection() {
        return kind == Kind.FATAL;
    }

    /** Whether the message is ignored if the peer does not ask for an acknowledgement. */
    public boolean isIgnored() {
        return kind == Kind.WITHOUT_USE;
    }
}
