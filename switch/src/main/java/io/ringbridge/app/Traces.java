package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.FrameView;
import io.ringbridge.api.MessageView;
import io.ringbridge.api.TraceControl;
import io.ringbridge.config.PortKind;
import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.trace.MessageTrace;
import io.ringbridge.control.trace.TracedMessage;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.TracedFrame;

import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** The traces of the ports for the API. Any thread may call. */
final class Traces implements TraceControl {
    private static final int CONFLICT = 409;
    private static final double NANOS_PER_MICRO = 1e3;

    private final Ports ports;
    private final Datapath datapath;

    Traces(final Ports ports, final Datapath datapath) {
        this.ports = ports;
        this.datapath = datapath;
    }

    @Override
    public List<MessageView> messages(final String port) {
        final Attached attached = ports.named(port);
        if (!(attached.link() instanceof final Backend backend)) {
            throw new ApiException(CONFLICT, "port " + port + " is of type " + attached.config().kind().word()
                + "; only ports of type " + PortKind.VHOST_USER.word() + " have messages, every port has frames");
        }
        return backend.trace().last(MessageTrace.CAPACITY).stream().map(Traces::message).toList();
    }

    private static MessageView message(final TracedMessage message) {
        return new MessageView(message.time().toString(), message.kind().label(), message.name(), message.bytes(),
            message.descriptors(), message.values(), message.result().label(), message.why(),
            message.nanos() / NANOS_PER_MICRO, message.times());
    }

    @Override
    public List<FrameView> frames(final String port) {
        return ports.ifServing(() -> frames(ports.named(port).port())); // the port stays until its frames are copied
    }

    private List<FrameView> frames(final Port port) {
        if (!port.tracesFrames()) {
            throw new ApiException(CONFLICT, "frames are not recorded, because recorder.frames is 0");
        }
        final Map<Integer, String> names =
            datapath.ports().stream().collect(Collectors.toMap(Port::serial, Port::name));
        final Instant now = Instant.now();
        final long nanos = System.nanoTime();
        return port.tracedFrames().stream()
            .map(frame -> frame(frame, now.plusNanos(frame.nanos() - nanos), names)).toList();
    }

    private static FrameView frame(final TracedFrame frame, final Instant time, final Map<Integer, String> names) {
        return new FrameView(time.toString(), frame.event().isIn() ? "in" : "out",
            switch (frame.event()) {
                case DROPPED_IN, DROPPED_OUT -> "dropped";
                default -> frame.event().name().toLowerCase(Locale.ROOT);
            },
            frame.reason() == null ? null : frame.reason().label(),
            frame.peer() == 0 ? null : names.getOrDefault(frame.peer(), "a removed port"), frame.length(),
            frame.skipped(), HexFormat.of().formatHex(frame.header()), FrameSummary.of(frame.header()));
    }
}
