package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.CaptureControl;
import io.ringbridge.api.CaptureView;
import io.ringbridge.config.CaptureConfig;
import io.ringbridge.config.CaptureConfig.Direction;
import io.ringbridge.config.ConfigException;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.capture.CaptureOptions;
import io.ringbridge.control.capture.FrameCapture;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.Port;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.io.OutputStream;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/** The captures of a switch. Any thread may call. */
final class Captures implements CaptureControl {
    private static final Logger LOG = LoggerFactory.getLogger(Captures.class);
    private static final String CAPTURE = "capture";
    /** Limits the memory and the copies that clients can cause. */
    private static final int MAX = 8;
    private static final int CONFLICT = 409;
    private static final int FAILED = 500;

    private final Ports ports;
    private final Datapath datapath;
    /** Guarded by this object's lock. */
    private final List<Running> running = new ArrayList<>();

    private record Running(CaptureConfig config, FrameCapture capture) {
        CaptureView view() {
            final String since = capture.since().truncatedTo(ChronoUnit.SECONDS).toString();
            return new CaptureView(config.port(), config.directionWord(), config.filter().orElse(null),
                config.snapLength(), config.count().orElse(null), since, capture.written(), capture.lost());
        }
    }

    Captures(final Ports ports, final Datapath datapath) {
        this.ports = ports;
        this.datapath = datapath;
    }

    @Override
    public synchronized List<CaptureView> views() {
        return running.stream().map(Running::view).toList();
    }

    @Override
    public Stream begin(final String spec) {
        final CaptureConfig config = ConfigReader.parseCapture(CAPTURE, spec);
        final Running begun = ports.ifServing(() -> begin(config, ports.named(config.port()).port()));
        return out -> write(begun, out);
    }

    private synchronized Running begin(final CaptureConfig config, final Port port) {
        if (running.size() == MAX) {
            throw new ApiException(CONFLICT, "there are already " + MAX + " captures, the maximum");
        }
        final Running begun = new Running(config, capture(config, port));
        running.add(begun);
        LOG.info("port {}: a capture of its frames begins", port.name());
        return begun;
    }

    private FrameCapture capture(final CaptureConfig config, final Port port) {
        try {
            return FrameCapture.begin(datapath, port, new CaptureOptions(config.direction() != Direction.OUT,
                config.direction() != Direction.IN, config.filter().orElse(null), config.snapLength(),
                config.count().map(Integer::longValue).orElse(CaptureOptions.UNLIMITED)));
        } catch (final IllegalArgumentException e) {
            throw new ConfigException(CAPTURE + ": filter: \"" + config.filter().orElse("") + "\": " + e.getMessage());
        } catch (final OsException e) {
            throw new ApiException(FAILED, CAPTURE + ": " + e.getMessage());
        }
    }

    private void write(final Running begun, final OutputStream out) throws IOException, InterruptedException {
        final FrameCapture capture = begun.capture();
        try {
            capture.stream(out, ports::isHandedOver);
        } finally {
            synchronized (this) {
                running.remove(begun);
                capture.close(); // not while its counts are read
            }
            LOG.info("port {}: a capture of its frames has ended; {} frames were captured, {} lost",
                capture.port().name(), capture.written(), capture.lost());
        }
    }
}
