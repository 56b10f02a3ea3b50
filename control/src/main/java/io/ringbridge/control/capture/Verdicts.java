package io.ringbridge.control.capture;

import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.port.CapturedFrame;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Port;
import org.jspecify.annotations.Nullable;

import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;

/**
 * Words for the fate of captured frames, in UTF-8. Each is made once, so that a capture allocates nothing per frame.
 */
final class Verdicts {
    private static final byte[] DELIVERED = utf8("delivered");
    private static final byte[] FLOODED = utf8("flooded");
    private static final byte[][] DROPPED =
        Stream.of(DropReason.values()).map(reason -> utf8("dropped: " + reason.label())).toArray(byte[][]::new);
    private static final byte[] TO_REMOVED = utf8("to a port that is removed");

    private final Datapath datapath;
    private final @Nullable Port[] ports = new Port[Datapath.MAX_PORTS];
    private final byte[][] toPort = new byte[Datapath.MAX_PORTS][];

    Verdicts(final Datapath datapath) {
        this.datapath = datapath;
    }

    private static byte[] utf8(final String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Returns the words for a frame. */
    byte[] of(final CapturedFrame frame) {
        return switch (frame.event()) {
            case FORWARDED -> to(frame.peer());
            case FLOODED -> FLOODED;
            case DELIVERED -> DELIVERED;
            case DROPPED_IN, DROPPED_OUT -> {
                final DropReason reason = frame.reason();
                assert reason != null : "a dropped frame has a reason";
                yield DROPPED[reason.ordinal()];
            }
        };
    }

    private byte[] to(final int index) {
        final Port port = datapath.port(index);
        if (port == null) {
            return TO_REMOVED;
        }
        if (ports[index] != port) {
            ports[index] = port;
            toPort[index] = utf8("to " + port.name());
        }
        return toPort[index];
    }
}
