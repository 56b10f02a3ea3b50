package io.ringbridge.app.diagnosis;

import io.ringbridge.app.diagnosis.Finding.Kind;
import io.ringbridge.control.backend.Backend;
import io.ringbridge.datapath.memory.MemoryRegion;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.port.QueueStatus;
import io.ringbridge.datapath.ring.Features;
import org.jspecify.annotations.Nullable;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;

/** Checks the port of a guest, in the order in which a virtual machine comes up. */
final class GuestChecks {
    private static final String NO_FRONT_END = "no front-end is attached";
    private static final int COMMON_MTU = 1500;

    private final GuestPort port;
    private final Backend backend;
    /** Null if the port has inherited a connected socket. */
    private final @Nullable Path socket;
    private final @Nullable Finding finding;
    private final @Nullable String peer;
    private final PortReading reading;
    private final PortStatistics moved;

    private GuestChecks(final GuestPort port, final Backend backend, final @Nullable Path socket,
                        final @Nullable Finding finding) {
        this.port = port;
        this.backend = backend;
        this.socket = socket;
        this.finding = finding;
        peer = backend.peer();
        reading = PortReading.of(port);
        moved = port.sinceAttached();
    }

    /**
     * Checks a port.
     *
     * @param socket the port's socket; null if it has inherited a connected one
     * @param finding the problem that the monitor has found; null if there is none
     */
    static List<Check> of(final GuestPort port, final Backend backend, final @Nullable Path socket,
                          final @Nullable Finding finding) {
        final GuestChecks checks = new GuestChecks(port, backend, socket, finding);
        return List.of(checks.socket(), checks.frontEnd(), checks.driver(), checks.rings(), checks.memory(),
            checks.kicks(), checks.buffers(), checks.mtu(), checks.address(), PortChecks.frames(checks.moved),
            PortChecks.drops(checks.moved));
    }

    private boolean found(final Kind kind) {
        return finding != null && finding.kind() == kind;
    }

    /** Returns the problem that the monitor has found. */
    private Check problem(final String name) {
        return Check.problem(name, finding == null ? "" : finding.text());
    }

    private Check socket() {
        final String name = "socket";
        if (socket == null) {
            return Check.ok(name, "inherited from the parent process");
        }
        if (backend.isListening()) {
            return Files.exists(socket, LinkOption.NOFOLLOW_LINKS)
                ? Check.ok(name, socket + " exists: " + Access.of(socket))
                : Check.problem(name, socket + " does not exist: " + Access.of(socket));
        }
        return peer == null && backend.connectError() != null
            ? Check.problem(name, "no front-end listens on " + socket + ": " + backend.connectError())
            : Check.ok(name, "the switch connects to " + socket);
    }

    private Check frontEnd() {
        final String name = "front-end";
        if (port.failure() != null) {
            return Check.problem(name, port.failure());
        }
        if (peer == null) {
            return Check.problem(name, NO_FRONT_END + ": start the virtual machine with the options of \"ringbridge "
                + "attach " + port.name() + "\"");
        }
        final long since = port.activity().attachedMillis();
        return Check.ok(name, peer + (since == 0 ? "" : " attached at "
            + Instant.ofEpochMilli(since).truncatedTo(ChronoUnit.SECONDS)));
    }

    private Check driver() {
        final String name = "driver";
        if (reading.negotiated()) {
            return Check.ok(name, "it has negotiated features");
        }
        return peer == null ? Check.unknown(name, NO_FRONT_END) : found(Kind.DRIVER_NOT_STARTED) ? problem(name)
            : Check.unknown(name, "it has not negotiated features yet");
    }

    private Check rings() {
        final String name = "rings";
        if (found(Kind.SUSPENDED) || found(Kind.RINGS_NOT_ENABLED)
            || found(Kind.DRIVER_NOT_STARTED) && reading.negotiated()) {
            return problem(name);
        }
        final List<QueueStatus> started = port.queues().stream().filter(QueueStatus::started).toList();
        return started.isEmpty() ? Check.unknown(name, "none is started yet")
            : Check.ok(name, started.size() + " started, "
                + started.stream().filter(QueueStatus::enabled).count() + " of them enabled");
    }

    private Check memory() {
        final String name = "memory";
        if (found(Kind.MEMORY_NOT_SHARED)) {
            return problem(name);
        }
        final List<MemoryRegion> regions = port.memory().regions();
        if (regions.isEmpty()) {
            return Check.unknown(name, "no ring uses the guest's memory yet");
        }
        final String text = regions.size() + (regions.size() == 1 ? " region, " : " regions, ")
            + (regions.stream().mapToLong(MemoryRegion::size).sum() >> 20) + " MiB";
        return reading.taken() + reading.delivered() > 0 ? Check.ok(name, text + ", shared: frames have moved")
            : Check.unknown(name, text + ": no frame has moved yet that would show that it is shared (share=on)");
    }

    private Check kicks() {
        final String name = "kicks";
        if (reading.kicks() > 0) {
            return Check.ok(name, reading.kicks() + " received");
        }
        return reading.taken() > 0 ? Check.ok(name, "none was needed, because the worker polls")
            : Check.unknown(name, "none received: the guest has not sent anything yet");
    }

    private Check buffers() {
        final String name = "receive buffers";
        if (found(Kind.NO_RECEIVE_BUFFERS)) {
            return problem(name);
        }
        return reading.delivered() > 0 ? Check.ok(name, "the guest provides them")
            : reading.unbuffered() > 0 ? Check.problem(name, reading.unbuffered()
                + " frames found none: is the guest's interface down?")
            : Check.unknown(name, "no frame was sent to the guest yet");
    }

    private Check mtu() {
        final String name = "mtu";
        final long exceeded = moved.drops().getOrDefault(DropReason.MTU_EXCEEDED, 0L);
        if (exceeded > 0) {
            return Check.problem(name, exceeded + " frames were longer than " + port.mtu()
                + ": use the same mtu on every port and on the guests' interfaces");
        }
        if (Features.has(port.features(), Features.MTU)) {
            return Check.ok(name, port.mtu() + ", which the driver knows");
        }
        return port.mtu() == COMMON_MTU ? Check.ok(name, "1500")
            : Check.unknown(name, port.mtu() + ": the driver did not ask for it; set it on the guest's interface");
    }

    private Check address() {
        final String name = "address";
        return found(Kind.ADDRESS_MOVES) ? problem(name)
            : Check.ok(name, "no address moves between this port and another");
    }
}
