package io.ringbridge.app.diagnosis;

import io.ringbridge.control.Link;
import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.event.EventKind;
import io.ringbridge.control.event.Events;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.bridge.StationMoves;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.UplinkPort;
import org.jspecify.annotations.Nullable;

import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Diagnoses the problems of all ports, and reports each problem, and each station that moves, once. One thread calls
 * {@link #examine} once per second; any thread may call {@link #problem}.
 */
public final class PortMonitor {
    /** The interval between calls of {@link #examine}. */
    public static final Duration PERIOD = Duration.ofSeconds(1);
    /** A problem that reappears within this time causes no second warning. */
    private static final long QUIET_NANOS = TimeUnit.MINUTES.toNanos(10);

    private final Datapath datapath;
    private final Events events;
    private final MovingStations stations = new MovingStations();
    private final Map<Port, Watched> ports = new HashMap<>();
    private final Map<String, Finding> findings = new ConcurrentHashMap<>();

    /** The earlier findings about a port. */
    private static final class Watched {
        private final Diagnosis diagnosis = new Diagnosis();
        private final Map<Finding.Kind, Long> warned = new HashMap<>();
        private @Nullable Finding finding;
        private long since;
    }

    /** Examines the ports of a datapath, and reports their problems. */
    public PortMonitor(final Datapath datapath, final Events events) {
        this.datapath = datapath;
        this.events = events;
    }

    /**
     * Examines every port.
     *
     * @param nanos the current time
     */
    public void examine(final long nanos) {
        final List<Port> present = datapath.ports();
        final Map<Integer, String> names = present.stream().collect(Collectors.toMap(Port::index, Port::name));
        final StationMoves moves = datapath.table().moves();
        moves.visit((key, count, from, to) -> {
            if (stations.record(key, count, from, to, nanos)) {
                reportMove(key, names.get(from), names.get(to));
            }
        });
        final Map<String, Finding> moving = stations.findings(names::get, nanos);
        stations.removeSettled(nanos).forEach(moves::forget);
        ports.keySet().retainAll(present);
        findings.keySet().retainAll(names.values());
        for (final Port port : present) {
            final Watched watched = ports.computeIfAbsent(port, _ -> new Watched());
            final Finding found =
                port instanceof final GuestPort guest ? watched.diagnosis.examine(PortReading.of(guest), nanos) : null;
            update(port.name(), watched, moving.getOrDefault(port.name(), found), nanos);
        }
    }

    /** Reports the first move of a station within a while; a port that was removed meanwhile has no name. */
    private void reportMove(final long key, final @Nullable String from, final @Nullable String to) {
        if (from != null && to != null) {
            events.of(to).report(EventKind.STATION_MOVED, MovingStations.name(key) + " has moved here from " + from,
                Map.of("mac", MacAddress.format(key >>> 12), "vlan", ForwardingTable.vlan(key), "from", from));
        }
    }

    private void update(final String port, final Watched watched, final @Nullable Finding found, final long nanos) {
        if (found == null) {
            findings.remove(port);
            watched.finding = null;
            return;
        }
        if (watched.finding == null || watched.finding.kind() != found.kind()) {
            watched.since = nanos;
        }
        watched.finding = found;
        findings.put(port, found);
        final Long warned = watched.warned.get(found.kind());
        if (found.kind().warnsAfter(nanos - watched.since)) {
            if (warned == null || nanos - warned >= QUIET_NANOS) {
                events.of(port).report(EventKind.PROBLEM, found.text(), Map.of("problem", found.kind().label()));
            }
            watched.warned.put(found.kind(), nanos); // also while the problem lasts
        }
    }

    /**
     * Returns the problem that keeps a port from working, and its remedy.
     *
     * @param socket the port's socket; null if it has none
     * @return null if no problem is known
     */
    public @Nullable String problem(final Port port, final Link link, final @Nullable Path socket) {
        if (port.failure() != null) {
            return port.failure();
        }
        if (!(link instanceof final Backend backend) || socket == null || port.state() != PortState.WAITING) {
            final Finding finding = findings.get(port.name());
            return finding == null ? null : finding.text();
        }
        return backend.isListening() ? "no front-end has connected to " + socket + ": " + Access.of(socket)
            : "no front-end listens on " + socket
                + (backend.connectError() == null ? "" : ": " + backend.connectError());
    }

    /**
     * Checks everything that a port needs to work.
     *
     * @param socket the port's socket; null if it has none
     */
    public List<Check> checks(final Port port, final Link link, final @Nullable Path socket) {
        return switch (port) {
            case GuestPort guest -> GuestChecks.of(guest, (Backend) link, socket, findings.get(port.name()));
            case UplinkPort uplink -> UplinkChecks.of(uplink);
        };
    }
}
