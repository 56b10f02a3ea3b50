package io.ringbridge.control.protocol;

/**
 * A peer's message is malformed or refused. The exception's message gives the value and what is allowed.
 *
 * <p>A malformed message ends the connection, since nothing that follows it can be trusted. A refused message ends the
 * connection only if there is no reply that can report the failure (vhost-user, "REPLY_ACK"). A message that has no use
 * with the negotiated features never ends it.
 */
public final class ProtocolException extends RuntimeException {
    private enum Kind { FATAL, REFUSED, UNUSABLE }

    private final Kind kind;

    private ProtocolException(final String message, final Kind kind) {
        super(message);
        this.kind = kind;
    }

    /** Returns the error for a message that breaks the specification's layout. The connection has to end. */
    public static ProtocolException fatal(final String message) {
        return new ProtocolException(message, Kind.FATAL);
    }

    /** Returns the error for a well-formed message whose content cannot be accepted. */
    public static ProtocolException refused(final String message) {
        return new ProtocolException(message, Kind.REFUSED);
    }

    /** Returns the error for a well-formed message that has no use with the negotiated features. */
    public static ProtocolException unusable(final String message) {
        return new ProtocolException(message, Kind.UNUSABLE);
    }

    /** Whether the connection has to end, even if a reply could report the failure. */
    public boolean endsConnection() {
        return kind == Kind.FATAL;
    }

    /** Whether the message is ignored if the peer does not request an acknowledgement. */
    public boolean isIgnored() {
        return kind == Kind.UNUSABLE;
    }
}
