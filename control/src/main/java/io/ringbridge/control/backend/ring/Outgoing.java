package io.ringbridge.control.backend.ring;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.BackendRequest;
import org.jspecify.annotations.Nullable;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.function.LongConsumer;

/**
 * A request of the back-end that waits to be sent. Equal requests are sent once.
 *
 * @param answer receives the result from the front-end's acknowledgement, if those are negotiated, on the channel's
 *     thread; null to log a refusal
 */
public record Outgoing(BackendRequest request, ByteBuffer payload, @Nullable LongConsumer answer) {
    public Outgoing(final BackendRequest request, final byte[] payload, final @Nullable LongConsumer answer) {
        this(request, ByteBuffer.wrap(payload), answer);
    }

    /** Returns a copy of the payload. */
    public byte[] bytes() {
        final byte[] bytes = new byte[payload.remaining()];
        payload.duplicate().get(bytes);
        return bytes;
    }

    /** Writes the request for another process. */
    public void save(final StateWriter out) {
        out.number(request.id()).bytes(bytes());
    }

    /** Reads a request of another process. Its answer is lost. */
    public static Outgoing restore(final StateReader in) {
        final int id = in.number();
        final BackendRequest request = Arrays.stream(BackendRequest.values())
            .filter(each -> each.id() == id)
            .findFirst()
            .orElseThrow(() -> new HandOverException("an unknown request, " + Integer.toUnsignedString(id)
                + ", waits to be sent"));
        return new Outgoing(request, in.bytes(), null);
    }
}
