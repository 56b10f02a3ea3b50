package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.KeyChange;
import io.ringbridge.api.ReloadOptions;
import io.ringbridge.api.ReloadView;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigFile;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.PortConfig;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Applies the configuration file to a switch that runs, and writes what runs back to the file. Any thread may call;
 * there is one of both at a time.
 */
final class Reload {
    private static final Logger LOG = LoggerFactory.getLogger(Reload.class);
    private static final int CONFLICT = 409;

    private final Settings settings;
    private final Ports ports;
    /** Null if the switch has no configuration file. */
    private volatile @Nullable Source source;

    /**
     * The source of the configuration.
     *
     * @param reader reads the file, and applies the options of the command line
     */
    private record Source(Path file, Supplier<Config> reader) {
    }

    Reload(final Settings settings, final Ports ports) {
        this.settings = settings;
        this.ports = ports;
    }

    /** Sets the source of the configuration. */
    void from(final Path file, final Supplier<Config> reader) {
        source = new Source(file, reader);
    }

    private Source source() {
        final Source present = source;
        if (present == null) {
            throw new ApiException(CONFLICT, "the switch was started without a configuration file");
        }
        return present;
    }

    /** Reloads the configuration, as for {@link io.ringbridge.api.SwitchControl#reload}. */
    synchronized ReloadView run(final ReloadOptions options) {
        final Config wanted = source().reader().get();
        final Map<String, KeyChange> differences = settings.differences(wanted);
        final String refused = differences.entrySet().stream()
            .filter(entry -> entry.getValue().effective().equals(Settings.BY_UPGRADE))
            .map(entry -> entry.getKey() + ": " + entry.getValue()).collect(Collectors.joining("; "));
        if (!refused.isEmpty() && !options.dryRun()) {
            throw new ApiException(CONFLICT, refused + " only; nothing was changed");
        }
        final Config before = settings.now();
        final ReloadView done;
        try {
            done = ports.reload(wanted.ports(), differences, options, () -> settings.adopt(wanted));
        } catch (final RuntimeException e) {
            settings.adopt(before);
            throw e;
        }
        if (done.applied()) {
            LOG.info("reloaded the configuration: {} ports added, {} removed, {} recreated, {} changed, {} unchanged",
                done.added().size(), done.removed().size(), done.recreated().size(), done.changed().size(),
                done.unchanged().size());
        }
        return done;
    }

    /**
     * Writes the ports, {@code cpus} and {@code poll} to the file, as for
     * {@link io.ringbridge.api.ConfigControl#persist}. What the command line sets is not written.
     */
    synchronized void persist() {
        final Source from = source();
        final Config inFile = ConfigReader.read(from.file());
        final Config withOptions = from.reader().get();
        final Config now = settings.now();
        final Config wanted = inFile
            .withWorkers(inFile.workers(), now.cpus().equals(withOptions.cpus()) ? inFile.cpus() : now.cpus())
            .withPoll(now.poll() == withOptions.poll() ? inFile.poll() : now.poll());
        final Set<String> names = inFile.ports().stream().map(PortConfig::name).collect(Collectors.toSet());
        final Set<String> onCommandLine = withOptions.ports().stream().map(PortConfig::name)
            .filter(name -> !names.contains(name)).collect(Collectors.toSet());
        ports.persist(onCommandLine, configs -> ConfigFile.write(from.file(), wanted.withPorts(configs)));
        LOG.info("wrote the configuration to {}", from.file());
    }
}
