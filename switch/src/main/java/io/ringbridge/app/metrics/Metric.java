package io.ringbridge.app.metrics;

import java.util.List;

/**
 * The metrics of a switch, with names and units according to Prometheus' conventions. Counters start with the process.
 * Those of frames, bytes and drops continue after an upgrade.
 *
 * <p>In and out are as seen from the switch: frames go in from a guest, and out to it.
 */
@SuppressWarnings("ImmutableEnumChecker") // the list of labels is immutable
public enum Metric {
    BUILD_INFO(Type.INFO, "ringbridge_build_info", "The version of the program; the value is 1.", "version"),

    PORT_STATE(Type.GAUGE, "ringbridge_port_state", "Whether the port is in this state, 1 or 0.", "port", "state"),
    PORT_STATE_SINCE(Type.GAUGE, "ringbridge_port_state_change_timestamp_seconds",
        "The time of the port's last change of state, in seconds since 1970.", "port"),
    PORT_MTU(Type.GAUGE, "ringbridge_port_mtu_bytes", "The longest payload of a frame that leaves by the port.",
        "port"),
    PORT_ATTACHMENTS(Type.COUNTER, "ringbridge_port_attachments_total", "Front-ends that were attached to the port.",
        "port"),
    PORT_SUSPENSIONS(Type.COUNTER, "ringbridge_port_suspensions_total", "Suspensions of the port, by their cause.",
        "port", "cause"),
    PORT_DIRTY_PAGES(Type.COUNTER, "ringbridge_port_dirty_pages_total",
        "Pages of guest memory, of 4096 bytes, that were marked as written for a migration.", "port"),

    PORT_FRAMES(Type.COUNTER, "ringbridge_port_frames_total", "Frames that were taken from the queue and forwarded, or "
        + "delivered to it.", "port", "queue", "direction"),
    PORT_BYTES(Type.COUNTER, "ringbridge_port_bytes_total", "Ethernet bytes of these frames, without the frame check "
        + "sequence.", "port", "queue", "direction"),
    PORT_DROPS(Type.COUNTER, "ringbridge_port_dropped_frames_total", "Frames that were dropped at the queue.", "port",
        "queue", "direction", "reason"),
    PORT_DESTINATIONS(Type.COUNTER, "ringbridge_port_frames_by_destination_total",
        "Frames that were moved, by the kind of their destination address.", "port", "queue", "direction",
        "destination"),
    PORT_FRAME_SIZE(Type.HISTOGRAM, "ringbridge_port_frame_size_bytes", "Lengths of the frames that were moved, "
        + "without the frame check sequence, in the classes of RFC 2819.", "port", "queue", "direction"),
    PORT_KICKS(Type.COUNTER, "ringbridge_port_kicks_total", "Kicks of the driver that ended the sleep of a worker.",
        "port", "queue"),
    PORT_CALLS(Type.COUNTER, "ringbridge_port_calls_total", "Notifications of the driver.", "port", "queue",
        "direction"),
    PORT_SUPPRESSED_CALLS(Type.COUNTER, "ringbridge_port_suppressed_calls_total",
        "Notifications that the driver did not want.", "port", "queue", "direction"),
    PORT_RING_SIZE(Type.GAUGE, "ringbridge_port_ring_entries",
        "Entries of the ring, or buffers of the uplink's queue; 0 while the queue is stopped.", "port", "queue",
        "direction"),
    PORT_RING_AVAILABLE(Type.GAUGE, "ringbridge_port_ring_chains_available",
        "Chains that the switch knows to be available, or buffers with frames, that it has not taken.", "port",
        "queue", "direction"),
    PORT_RING_IN_FLIGHT(Type.GAUGE, "ringbridge_port_ring_chains_in_flight",
        "Chains, or buffers, that the switch has taken and not returned.", "port", "queue", "direction"),

    MIRROR_FRAMES(Type.COUNTER, "ringbridge_mirror_frames_total", "Copies that the mirror has delivered.", "mirror"),
    MIRROR_BYTES(Type.COUNTER, "ringbridge_mirror_bytes_total", "Ethernet bytes of these copies, without the frame "
        + "check sequence.", "mirror"),
    MIRROR_DROPS(Type.COUNTER, "ringbridge_mirror_dropped_frames_total", "Copies that were dropped.", "mirror",
        "reason"),

    WORKER_BUSY(Type.COUNTER, "ringbridge_worker_busy_seconds_total", "Time in duty cycles with work.", "worker"),
    WORKER_IDLE(Type.COUNTER, "ringbridge_worker_idle_seconds_total", "Time in duty cycles without work, and asleep.",
        "worker"),
    WORKER_CYCLES(Type.COUNTER, "ringbridge_worker_busy_cycles_total",
        "Ticks of the time stamp counter in duty cycles with work.", "worker"),
    WORKER_FRAMES(Type.COUNTER, "ringbridge_worker_delivered_frames_total", "Frames that the worker delivered.",
        "worker"),
    WORKER_POLLS(Type.COUNTER, "ringbridge_worker_polls_total", "Polls of a queue that found frames.", "worker"),
    WORKER_POLLED_FRAMES(Type.COUNTER, "ringbridge_worker_polled_frames_total", "Frames that these polls took.",
        "worker"),
    WORKER_LONGEST_CYCLE(Type.GAUGE, "ringbridge_worker_longest_cycle_seconds",
        "The longest duty cycle with work in the present minute and the one before.", "worker"),
    WORKER_STALLS(Type.COUNTER, "ringbridge_worker_stalls_total", "Duty cycles that took more than 10 ms.", "worker"),

    FDB_STATIONS(Type.GAUGE, "ringbridge_fdb_stations", "Stations in the forwarding table."),
    FDB_CAPACITY(Type.GAUGE, "ringbridge_fdb_stations_limit", "The most stations that the forwarding table can have."),
    FDB_LEARNED(Type.COUNTER, "ringbridge_fdb_learned_stations_total",
        "Stations that were added when they were heard."),
    FDB_MOVED(Type.COUNTER, "ringbridge_fdb_moved_stations_total", "Moves of known stations to other ports."),
    FDB_EVICTED(Type.COUNTER, "ringbridge_fdb_evicted_stations_total",
        "Stations that were removed before their time, because the table had no room for another."),
    FDB_AGED(Type.COUNTER, "ringbridge_fdb_aged_stations_total",
        "Stations that were removed because they were silent for the ageing time.");

    /** The type of a metric. */
    public enum Type { COUNTER, GAUGE, HISTOGRAM, INFO }

    private final Type type;
    private final String exported;
    private final String help;
    private final List<String> labels;

    Metric(final Type type, final String exported, final String help, final String... labels) {
        this.type = type;
        this.exported = exported;
        this.help = help;
        this.labels = List.of(labels);
    }

    public Type type() {
        return type;
    }

    /** Returns the name as exported, with the suffix that the type requires. */
    public String exported() {
        return exported;
    }

    /** Returns the name without the suffix that the type requires. */
    String stem() {
        final String suffix = switch (type) {
            case COUNTER -> "_total";
            case INFO -> "_info";
            case GAUGE, HISTOGRAM -> "";
        };
        return exported.substring(0, exported.length() - suffix.length());
    }

    public String help() {
        return help;
    }

    /** Returns the names of the labels. */
    public List<String> labels() {
        return labels;
    }
}
