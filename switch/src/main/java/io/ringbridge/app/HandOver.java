package io.ringbridge.app;

import io.ringbridge.api.ConfigView;
import io.ringbridge.api.Json;
import io.ringbridge.app.Switch.Attached;
import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.handover.Step;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.worker.Datapath;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The old process's side of an upgrade: hands every port to a process that is warm.
 *
 * <pre>
 *  old                                                    new
 *   |  <----------------------------------------- READY   |  code loaded and compiled
 *   |  sessions stand still, frames go on                 |
 *   |  SWITCH, PORT..., STATIONS ------------------------>|  maps, checks, opens
 *   |  <-------------------------------------- PREPARED   |
 *   |  nothing moves; all taken is given back             |
 *   |  POSITIONS ---------------------------------------->|  checks
 *   |  <----------------------------------------- TAKEN   |
 *   |  GO ----------------------------------------------->|  starts the rings
 *   |  lets go                                   SERVING  |
 * </pre>
 *
 * <p>Until GO is sent whatever goes wrong lets this process go on, with nothing lost; afterwards it touches nothing any more. Used by
 * one thread, which holds the switch.
 */
final class HandOver {
    private static final Logger LOG = LoggerFactory.getLogger(HandOver.class);
    /** For the new process to start and to warm up; its launcher may have to build it first. */
    private static final Duration WARM_UP = Duration.ofMinutes(2);
    private static final Duration PREPARE = Duration.ofSeconds(20);
    /** For what is done while no frame moves. */
    private static final Duration TAKE = Duration.ofSeconds(2);
    private static final Duration SERVE = Duration.ofSeconds(5);
    private static final long STANDSTILL_MILLIS = 2000;
    private static final int EVERY_STATION = Integer.MAX_VALUE;
    private static final long NANOS_A_SECOND = TimeUnit.SECONDS.toNanos(1);

    private final StateSocket to;
    private final Datapath datapath;
    private final List<Attached> ports;
    private final List<Backend> backends;

    HandOver(final StateSocket to, final Datapath datapath, final List<Attached> ports) {
        this.to = to;
        this.datapath = datapath;
        this.ports = ports;
        backends = ports.stream().map(Attached::backend).toList();
    }

    /** Returns the new process's id when it is warm. */
    static long awaitReady(final StateSocket to) {
        try (StateReader in = to.receive(Step.READY, WARM_UP)) {
            return in.wide();
        }
    }

    /**
     * Hands everything over, and lets go of it.
     *
     * @param config what is in force
     * @param api the path of the API's socket; empty where there is none
     * @return for how long no frame moved, in nanoseconds; -1 where the new process does not say
     * @throws HandOverException when it failed; all ports go on as before
     */
    long run(final ConfigView config, final String api) {
        final long begun = System.nanoTime();
        long stopped = 0;
        backends.forEach(Backend::ask);
        try {
            backends.forEach(backend -> backend.awaitStandstill(STANDSTILL_MILLIS));
            sendWhatRests(config, api);
            positions(0); // loads its code; the next time counts
            to.receive(Step.PREPARED, PREPARE).close();
            stopped = System.nanoTime();
            datapath.still(() -> ports.forEach(port -> port.guest().suspend(SuspendCause.UPGRADE)));
            to.send(Step.POSITIONS, positions((int) ((System.nanoTime() - begun) / NANOS_A_SECOND) + 1));
            to.receive(Step.TAKEN, TAKE).close();
            to.send(Step.GO);
        } catch (final RuntimeException e) {
            if (stopped != 0) {
                datapath.still(() -> ports.forEach(port -> port.guest().resume(SuspendCause.UPGRADE)));
            }
            backends.forEach(Backend::goOn);
            throw e instanceof HandOverException ? e : new HandOverException("the hand-over failed: " + e, e);
        }
        backends.forEach(HandOver::letGo);
        return serving(stopped);
    }

    private void sendWhatRests(final ConfigView config, final String api) {
        final StateWriter all = new StateWriter().text(Json.write(config)).text(api).number(ports.size());
        ports.forEach(port -> all.text(port.config().name()).number(port.port().index()).flag(port.added()));
        to.send(Step.SWITCH, all);
        for (final Attached port : ports) {
            final StateWriter one = new StateWriter();
            try {
                port.backend().save(one);
            } catch (final HandOverException e) {
                throw new HandOverException("port " + port.config().name() + ": " + e.getMessage(), e);
            }
            to.send(Step.PORT, one);
        }
        final StateWriter stations = new StateWriter();
        stations(EVERY_STATION, stations);
        to.send(Step.STATIONS, stations);
    }

    /** Where everything stands; {@code seconds} is how long ago the stations were sent, rounded up. */
    private StateWriter positions(final int seconds) {
        final StateWriter out = new StateWriter();
        backends.forEach(backend -> backend.savePositions(out));
        stations(seconds, out);
        return out;
    }

    private void stations(final int heardWithin, final StateWriter out) {
        datapath.visitStations(heardWithin, (key, port, age) -> out.flag(true).wide(key).number(port).number(age));
        out.flag(false);
    }

    private static void letGo(final Backend backend) {
        try {
            backend.letGo();
        } catch (final RuntimeException e) {
            LOG.warn("what another process has taken over was not let go in good order: {}", e.getMessage());
        }
    }

    private long serving(final long stopped) {
        try (StateReader in = to.receive(Step.SERVING, SERVE)) {
            return in.wide() - stopped;
        } catch (final HandOverException e) {
            LOG.warn("the new process has everything, and does not say that frames move: {}", e.getMessage());
            return -1;
        }
    }
}
