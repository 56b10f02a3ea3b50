package io.ringbridge.app;

import io.ringbridge.api.Json;
import io.ringbridge.config.GuestPortConfig;
import io.ringbridge.control.Link;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.LateException;
import io.ringbridge.control.handover.SavedCounters;
import io.ringbridge.control.handover.StateRecord;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.handover.Step;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.port.SuspendCause;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The old process's side of an upgrade: hands every port to a new process that has warmed up.
 *
 * <pre>
 *  old                                                    new
 *   |  <----------------------------------------- READY   |  code loaded and compiled
 *   |  sessions paused, frames still move                 |
 *   |  SWITCH, PORT..., STATIONS ------------------------>|  maps, checks, opens
 *   |  <-------------------------------------- PREPARED   |
 *   |  workers frozen, all taken chains returned          |
 *   |  POSITIONS ---------------------------------------->|  checks
 *   |  <----------------------------------------- TAKEN   |
 *   |  GO ----------------------------------------------->|  starts the rings
 *   |  relinquishes the ports                    SERVING  |
 * </pre>
 *
 * <p>If anything fails before GO is sent, this process resumes and nothing is lost. After GO this process touches no
 * shared memory. Used by one thread, which has the lock of the {@link Ports}.
 */
final class HandOver {
    private static final Logger LOG = LoggerFactory.getLogger(HandOver.class);
    private static final Duration PREPARE = Duration.ofSeconds(20);
    /** The limit for the steps during which no frame moves. */
    private static final Duration TAKE = Duration.ofSeconds(2);
    private static final Duration SERVE = Duration.ofSeconds(5);
    private static final long PAUSE_MILLIS = 2000;
    /** Sent for a port that was not started from an inherited descriptor. */
    static final int NO_DESCRIPTOR = -1;
    private static final int EVERY_STATION = Integer.MAX_VALUE;
    private static final long NANOS_PER_SECOND = TimeUnit.SECONDS.toNanos(1);

    private final StateSocket to;
    private final Datapath datapath;
    private final List<Attached> ports;
    private final List<Link> links;
    private final List<MirrorSet.Running> mirrors;
    private long stoppedAt;

    HandOver(final StateSocket to, final Datapath datapath, final List<Attached> ports,
             final List<MirrorSet.Running> mirrors) {
        this.mirrors = mirrors;
        this.to = to;
        this.datapath = datapath;
        this.ports = ports;
        links = ports.stream().map(Attached::link).toList();
    }

    /** Waits until the new process has warmed up, and returns its process ID. */
    static long awaitReady(final StateSocket to, final Duration limit) {
        try (StateRecord in = to.receive(Step.READY, limit)) {
            return in.sections(HandOverSections.PROCESS).get(HandOverSections.PROCESS).wide();
        }
    }

    /**
     * Hands all ports over and relinquishes them.
     *
     * @param config the configuration of the ports, as in {@link io.ringbridge.api.ConfigView}
     * @param api the path of the API's socket; empty if there is none
     * @throws HandOverException if the hand-over failed; all ports have resumed in this process
     */
    void run(final List<Map<String, Object>> config, final String api) {
        final long begun = System.nanoTime();
        links.forEach(Link::requestPause);
        try {
            links.forEach(link -> link.awaitPaused(PAUSE_MILLIS));
            sendState(config, api);
            positions(0); // loads the code, so that the second call, while no frame moves, is fast
            to.expect(Step.PREPARED, PREPARE);
            stoppedAt = System.nanoTime();
            datapath.whileFrozen(() -> handOverFrozen(begun));
        } catch (final RuntimeException | InternalError e) {
            links.forEach(Link::resume);
            throw e instanceof final HandOverException known ? known
                : new HandOverException("the hand-over failed: " + e, e);
        }
        links.forEach(HandOver::relinquish);
    }

    /**
     * Performs all steps during which no frame moves. The workers are frozen meanwhile, so that the new process can use
     * their processors.
     */
    private void handOverFrozen(final long begun) {
        try {
            final long frozen = System.nanoTime();
            ports.forEach(port -> port.port().suspend(SuspendCause.UPGRADE));
            links.forEach(Link::park);
            final long parked = System.nanoTime();
            to.send(Step.POSITIONS, positions((int) ((parked - begun) / NANOS_PER_SECOND) + 1));
            final long sent = System.nanoTime();
            to.expect(Step.TAKEN, TAKE);
            to.send(Step.GO);
            datapath.stopForwarding();
            LOG.debug("hand-over: froze the workers in {} us, parked the ports in {} us, sent the positions in {} us; "
                    + "the new process took over in {} us", micros(stoppedAt, frozen), micros(frozen, parked),
                micros(parked, sent), micros(sent, System.nanoTime()));
        } catch (final RuntimeException | InternalError e) { // InternalError if a guest has truncated its memory file
            ports.forEach(port -> port.port().resume(SuspendCause.UPGRADE));
            throw e;
        }
    }

    private static long micros(final long from, final long to) {
        return TimeUnit.NANOSECONDS.toMicros(to - from);
    }

    /** Sends the state that does not change while the sessions are paused, and the stations known so far. */
    private void sendState(final List<Map<String, Object>> config, final String api) {
        final StateWriter all = new StateWriter();
        all.section(HandOverSections.CONFIGURATION,
            section -> section.text(Json.write(Map.of("ports", config))).text(api));
        ports.forEach(port -> all.section(HandOverSections.PORT, section -> save(port, section)));
        mirrors.forEach(mirror -> all.section(HandOverSections.MIRROR,
            section -> section.text(Json.write(mirror.config().shown())).flag(mirror.added())));
        to.send(Step.SWITCH, all);
        for (final Attached port : ports) {
            final StateWriter one = new StateWriter();
            try {
                port.link().saveState(one);
            } catch (final HandOverException e) {
                throw new HandOverException("port " + port.config().name() + ": " + e.getMessage(), e);
            }
            to.send(Step.PORT, one);
        }
        to.send(Step.STATIONS, stations(EVERY_STATION, new StateWriter()));
    }

    private static void save(final Attached port, final StateWriter out) {
        out.text(port.config().name()).number(port.port().index()).flag(port.added())
            .number(port.config() instanceof final GuestPortConfig guest ? guest.descriptor().orElse(NO_DESCRIPTOR)
                : NO_DESCRIPTOR);
    }

    /**
     * Returns the positions of all rings, the counters of mirrors, and the stations heard recently.
     *
     * @param seconds the time since the stations were sent, rounded up
     */
    private StateWriter positions(final int seconds) {
        final StateWriter out = new StateWriter();
        links.forEach(link -> out.section(HandOverSections.POSITIONS, link::savePositions));
        mirrors.forEach(mirror -> out.section(HandOverSections.MIRROR_COUNTERS, section ->
            SavedCounters.save(mirror.mirror().statistics(), section.text(mirror.config().name()))));
        return stations(seconds, out);
    }

    private StateWriter stations(final int heardWithin, final StateWriter out) {
        return out.section(HandOverSections.STATIONS, section -> {
            datapath.visitStations(heardWithin,
                (key, port, age) -> section.flag(true).wide(key).number(port).number(age));
            section.flag(false);
        });
    }

    private static void relinquish(final Link link) {
        try {
            link.relinquish();
        } catch (final RuntimeException e) {
            LOG.warn("a port that was handed over could not be released cleanly: {}", e.getMessage());
        }
    }

    /**
     * Waits until the new process forwards frames. Called after {@link #run}.
     *
     * @return the time in nanoseconds during which no frame moved; -1 if the new process did not report in time
     * @throws SwitchException if the new process failed or ended: no process serves the ports
     */
    long awaitServing() {
        try (StateRecord in = to.receive(Step.SERVING, SERVE)) {
            return in.sections(HandOverSections.SERVING).get(HandOverSections.SERVING).wide() - stoppedAt;
        } catch (final LateException e) {
            LOG.warn("the new process has taken over, but has not confirmed that it forwards frames: {}",
                e.getMessage());
            return -1;
        } catch (final HandOverException e) {
            throw new SwitchException("the new process failed after taking over all ports: " + e.getMessage(), e);
        }
    }
}
