package io.ringbridge.app;

import io.ringbridge.config.CaptureConfig.Direction;
import io.ringbridge.config.MirrorConfig;
import io.ringbridge.control.event.EventKind;
import io.ringbridge.control.event.Events;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.port.Mirror;
import io.ringbridge.datapath.port.Port;
import org.jspecify.annotations.Nullable;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * The mirrors that run, by name. Changes are made with the lock of the {@link Ports}, because a mirror ends with its
 * ports. Any thread may read.
 */
final class MirrorSet {
    private final Datapath datapath;
    private final Events events;
    /** Guarded by this object's lock. */
    private final Map<String, Running> running = new LinkedHashMap<>();

    /**
     * A mirror that runs.
     *
     * @param added whether the mirror was added while the switch ran, so that it is in no configuration file
     */
    record Running(MirrorConfig config, Mirror mirror, boolean added) {
    }

    MirrorSet(final Datapath datapath, final Events events) {
        this.datapath = datapath;
        this.events = events;
    }

    /**
     * Begins a mirror.
     *
     * @param config fits the ports and the other mirrors
     * @param ports returns a port by its name
     * @param added as in {@link Running}
     */
    synchronized Mirror begin(final MirrorConfig config, final Function<String, Port> ports, final boolean added) {
        final Port to = ports.apply(config.to());
        final Mirror begun = config.vlan().isPresent()
            ? datapath.mirrorVlan(config.name(), config.vlan().getAsInt(), to)
            : datapath.mirror(config.name(), ports.apply(config.from()), config.direction() != Direction.OUT,
                config.direction() != Direction.IN, to);
        running.put(config.name(), new Running(config, begun, added));
        report(EventKind.MIRROR_ADDED, config, "copies " + config);
        return begun;
    }

    /** Ends a mirror. */
    synchronized void end(final String name) {
        final Running ended = running.remove(name);
        if (ended != null) {
            datapath.end(ended.mirror());
            report(EventKind.MIRROR_REMOVED, ended.config(), "removed");
        }
    }

    /** Ends the mirrors from and to a port that is about to be removed. */
    synchronized void endOf(final String port) {
        all().stream().map(Running::config).filter(config -> config.uses(port)).map(MirrorConfig::name)
            .forEach(this::end);
    }

    /** Records that a mirror is in the configuration file. */
    synchronized void inFile(final String name) {
        running.computeIfPresent(name, (_, each) -> new Running(each.config(), each.mirror(), false));
    }

    /** Returns a mirror, or null. */
    synchronized @Nullable Running find(final String name) {
        return running.get(name);
    }

    /** Returns the mirrors in the order in which they began. */
    synchronized List<Running> all() {
        return List.copyOf(running.values());
    }

    List<MirrorConfig> configs() {
        return all().stream().map(Running::config).toList();
    }

    private void report(final EventKind kind, final MirrorConfig config, final String what) {
        final Map<String, Object> details = new TreeMap<>(config.shown());
        details.remove("name");
        details.put("mirror", config.name());
        events.report(kind, "mirror " + config.name() + ": " + what, details);
    }
}
