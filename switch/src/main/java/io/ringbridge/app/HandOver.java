package io.ringbridge.app;

import io.ringbridge.api.ConfigView;
import io.ringbridge.api.Json;
import io.ringbridge.config.PortConfig.Attachment;
import io.ringbridge.control.Link;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.LateException;
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
    private static final Duration PREPARE = Duration.ofSeconds(20);
    /** For what is done while no frame moves. */
    private static final Duration TAKE = Duration.ofSeconds(2);
    private static final Duration SERVE = Duration.ofSeconds(5);
    private static final long STANDSTILL_MILLIS = 2000;
    /** In place of the number of a descriptor that a port was started with, where it was not. */
    static final int NO_DESCRIPTOR = -1;
    private static final int EVERY_STATION = Integer.MAX_VALUE;
    private static final long NANOS_A_SECOND = TimeUnit.SECONDS.toNanos(1);

    private final StateSocket to;
    private final Datapath datapath;
    private final List<Attached> ports;
    private final List<Link> links;
    private long stopped;

    HandOver(final StateSocket to, final Datapath datapath, final List<Attached> ports) {
        this.to = to;
        this.datapath = datapath;
        this.ports = ports;
        links = ports.stream().map(Attached::link).toList();
    }

    /** Returns the new process's id when it is warm. */
    static long awaitReady(final StateSocket to, final Duration limit) {
        try (StateReader in = to.receive(Step.READY, limit)) {
            return in.wide();
        }
    }

    /**
     * Hands everything over, and lets go of it.
     *
     * @param config what is in force
     * @param api the path of the API's socket; empty where there is none
     * @throws HandOverException when it failed; all ports go on as before
     */
    void run(final ConfigView config, final String api) {
        final long begun = System.nanoTime();
        links.forEach(Link::ask);
        try {
            links.forEach(link -> link.awaitStandstill(STANDSTILL_MILLIS));
            sendWhatRests(config, api);
            positions(0); // loads its code; the next time counts
            to.receive(Step.PREPARED, PREPARE).close();
            stopped = System.nanoTime();
            datapath.still(() -> handOverWhatMoves(begun));
        } catch (final RuntimeException | InternalError e) {
            links.forEach(Link::goOn);
            throw e instanceof final HandOverException known ? known : new HandOverException("the hand-over failed: " + e, e);
        }
        links.forEach(HandOver::letGo);
    }

    /** All that is done while no frame moves; the workers' threads stand meanwhile, so that the new process has their processors. */
    private void handOverWhatMoves(final long begun) {
        try {
            final long still = System.nanoTime();
            ports.forEach(port -> port.port().suspend(SuspendCause.UPGRADE));
            links.forEach(Link::hold);
            final long held = System.nanoTime();
            to.send(Step.POSITIONS, positions((int) ((held - begun) / NANOS_A_SECOND) + 1));
            final long sent = System.nanoTime();
            to.receive(Step.TAKEN, TAKE).close();
            to.send(Step.GO);
            datapath.retire();
            LOG.debug("workers stood after {} us, ports after {}, positions were sent after {}, taken after {}", micros(stopped, still),
                micros(still, held), micros(held, sent), micros(sent, System.nanoTime()));
        } catch (final RuntimeException | InternalError e) { // the latter where a guest has cut its memory
            ports.forEach(port -> port.port().resume(SuspendCause.UPGRADE));
            throw e;
        }
    }

    private static long micros(final long from, final long to) {
        return TimeUnit.NANOSECONDS.toMicros(to - from);
    }

    private void sendWhatRests(final ConfigView config, final String api) {
        final StateWriter all = new StateWriter().text(Json.write(config)).text(api).number(ports.size());
        ports.forEach(port -> all.text(port.config().name()).number(port.port().index()).flag(port.added())
            .number(port.config().attachment() instanceof final Attachment.Descriptor inherited ? inherited.number() : NO_DESCRIPTOR));
        to.send(Step.SWITCH, all);
        for (final Attached port : ports) {
            final StateWriter one = new StateWriter();
            try {
                port.link().save(one);
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
        links.forEach(link -> link.savePositions(out));
        stations(seconds, out);
        return out;
    }

    private void stations(final int heardWithin, final StateWriter out) {
        datapath.visitStations(heardWithin, (key, port, age) -> out.flag(true).wide(key).number(port).number(age));
        out.flag(false);
    }

    private static void letGo(final Link link) {
        try {
            link.letGo();
        } catch (final RuntimeException e) {
            LOG.warn("what another process has taken over was not let go in good order: {}", e.getMessage());
        }
    }

    /**
     * Waits until frames move in the new process, which has everything: {@link #run} has returned.
     *
     * @return for how long no frame moved, in nanoseconds; -1 where the new process is late to say
     * @throws SwitchException when it says that it cannot go on, or has ended: no port is served any more
     */
    long serving() {
        try (StateReader in = to.receive(Step.SERVING, SERVE)) {
            return in.wide() - stopped;
        } catch (final LateException e) {
            LOG.warn("the new process has everything, and does not say that frames move: {}", e.getMessage());
            return -1;
        } catch (final HandOverException e) {
            throw new SwitchException("the new process has taken everything over, and failed: " + e.getMessage(), e);
        }
    }
}
