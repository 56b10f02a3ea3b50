package io.ringbridge.app;

import io.ringbridge.api.KeyChange;
import io.ringbridge.config.Config;
import io.ringbridge.config.PortKey.Adoption;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.os.OsException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The settings of a switch apart from its ports, as they are in force. Any thread may read; changes are made with the
 * lock of the {@link Ports}.
 */
final class Settings {
    /** When a setting that cannot be changed in place takes effect. */
    static final String BY_UPGRADE = "by \"ringbridge upgrade\"";
    private static final Logger LOG = LoggerFactory.getLogger(Settings.class);

    private final Datapath datapath;
    private volatile Config config;

    Settings(final Config config, final Datapath datapath) {
        this.config = config;
        this.datapath = datapath;
    }

    /** Returns the settings in force, with the ports of the start. */
    Config now() {
        return config;
    }

    /** Returns the settings that differ from those in force, by their keys. */
    Map<String, KeyChange> differences(final Config wanted) {
        final Config now = config;
        final Map<String, KeyChange> all = new LinkedHashMap<>();
        put(all, "workers", now.workers(), wanted.workers(), Adoption.NOW.when());
        put(all, "cpus", now.cpus(), wanted.cpus(), Adoption.NOW.when());
        put(all, "poll", Views.poll(now), Views.poll(wanted), Adoption.NOW.when());
        put(all, "api", now.api().socket().orElse(null), wanted.api().socket().orElse(null), BY_UPGRADE);
        put(all, "fdb", Views.fdb(now), Views.fdb(wanted), BY_UPGRADE);
        put(all, "state", now.state().text(), wanted.state().text(), BY_UPGRADE);
        return all;
    }

    private static void put(final Map<String, KeyChange> all, final String key, final @Nullable Object now,
                            final @Nullable Object wanted, final String effective) {
        if (!Objects.equals(now, wanted)) {
            all.put(key, new KeyChange(text(now), text(wanted), effective));
        }
    }

    private static @Nullable Object text(final @Nullable Object value) {
        return value instanceof Number || value instanceof List<?> || value == null ? value : value.toString();
    }

    /**
     * Adopts the number of workers, their processors and their poll mode.
     *
     * @throws SwitchException if a processor is not available, or the system refuses a worker; nothing is changed
     */
    void adopt(final Config wanted) {
        final Config before = config;
        differences(wanted).forEach((key, change) -> LOG.info("{} {}", key, change));
        if (before.workers() != wanted.workers()) {
            adopt("workers", () -> datapath.replaceWorkers(wanted.workers(), wanted.cpus()));
        } else if (!before.cpus().equals(wanted.cpus())) {
            adopt("cpus", () -> datapath.pin(wanted.cpus()));
        }
        if (before.poll() != wanted.poll()) {
            datapath.poll(wanted.poll());
        }
        config = before.withWorkers(wanted.workers(), wanted.cpus()).withPoll(wanted.poll());
    }

    private static void adopt(final String key, final Runnable change) {
        try {
            change.run();
        } catch (final OsException e) {
            throw new SwitchException(key + ": " + e.getMessage(), e);
        }
    }
}
