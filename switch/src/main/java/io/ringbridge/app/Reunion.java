package io.ringbridge.app;

import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.port.Port;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Delays forwarding after a restart until the front-ends that were attached before it have reconnected.
 *
 * <p>Front-ends reconnect one after the other. Frames of the first would be flooded to ports without a front-end and
 * get lost, and the guests would wait for a retransmission. Therefore the workers take no frames from any port until
 * all of these ports can receive, but for at most one second after the first front-end has reconnected.
 */
final class Reunion {
    private static final Logger LOG = LoggerFactory.getLogger(Reunion.class);
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long POLL_NANOS = 500_000;

    private final Datapath datapath;
    private final Map<String, Attendance> awaited = new LinkedHashMap<>();
    private boolean waiting;
    private boolean arrived;

    Reunion(final Datapath datapath) {
        this.datapath = datapath;
    }

    /** Adds a port to wait for, before {@link #begin}. */
    synchronized void await(final String port, final Attendance attendance) {
        awaited.put(port, attendance);
    }

    /** Keeps the workers from taking frames if there are ports to wait for. Called before any port is open. */
    synchronized void begin() {
        if (!awaited.isEmpty()) {
            waiting = true;
            datapath.pauseAll();
            LOG.info("forwarding waits for the front-ends of the ports that were attached before the restart: {}",
                String.join(", ", awaited.keySet()));
        }
    }

    /** Starts the time limit when the first port with frames to take is there. Any thread may call. */
    synchronized void arrived() {
        if (waiting && !arrived) {
            arrived = true;
            Thread.ofPlatform().daemon().name("rb-reunion").start(this::watch);
        }
    }

    private void watch() {
        final long begun = System.nanoTime();
        List<String> missing = missing();
        while (!missing.isEmpty() && System.nanoTime() - begun < LIMIT_NANOS) {
            LockSupport.parkNanos(POLL_NANOS);
            missing = missing();
        }
        end(missing, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
    }

    private List<String> missing() {
        return datapath.ports().stream().filter(port -> port.receivers().length == 0).map(Port::name)
            .filter(awaited::containsKey).toList();
    }

    private synchronized void end(final List<String> missing, final long millis) {
        if (!waiting) {
            return;
        }
        waiting = false;
        datapath.resumeAll();
        if (missing.isEmpty()) {
            LOG.info("all front-ends from before the restart are attached again; forwarding starts after {} ms",
                millis);
        } else {
            LOG.warn("forwarding starts after {} ms without ports whose front-ends have not attached again: {}", millis,
                String.join(", ", missing));
            awaited.forEach((port, attendance) -> {
                if (missing.contains(port)) {
                    attendance.left();
                }
            });
        }
    }

    /** Ends the wait, and leaves the workers as they are. */
    synchronized void cancel() {
        waiting = false;
    }
}
