package io.ringbridge.app;

import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.worker.Datapath;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Waits, after a restart, for the ports that were attached before it.
 *
 * <p>Front-ends come back one after the other. Frames of the first would be flooded while nobody is attached to the
 * other ports, and the guests would wait for a retransmission. So the workers take no frames from any port until all of
 * these receive again, for at most a second after the first front-end has come back.
 */
final class Reunion {
    private static final Logger LOG = LoggerFactory.getLogger(Reunion.class);
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LOOK_NANOS = 500_000;

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

    /** Keeps the workers from taking frames if there are ports to wait for. Before any port is open. */
    synchronized void begin() {
        if (!awaited.isEmpty()) {
            waiting = true;
            datapath.withholdFrames();
            LOG.info("no frames are taken until the ports that were attached before are back: {}",
                String.join(", ", awaited.keySet()));
        }
    }

    /** The first port with frames to take is there; the limit counts from now. Any thread. */
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
            LockSupport.parkNanos(LOOK_NANOS);
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
        datapath.takeFrames();
        if (missing.isEmpty()) {
            LOG.info("all ports that were attached before are back; frames move after {} ms", millis);
        } else {
            LOG.warn("frames move without ports that were attached before and are not back after {} ms: {}", millis,
                String.join(", ", missing));
            missing.forEach(port -> awaited.get(port).left()); // the next start waits for those that come meanwhile
        }
    }

    /** Waits no more, and leaves the workers as they are. */
    synchronized void cancel() {
        waiting = false;
    }
}
