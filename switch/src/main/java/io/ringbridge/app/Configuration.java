package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.ConfigControl;
import io.ringbridge.api.ConfigView;
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
 * The configuration in force: applies the configuration file to a switch that runs, and writes what runs back to the
 * file. Any thread may call; there is one change at a time.
 */
final class Configuration implements ConfigControl {
    private static final Logger LOG = LoggerFactory.getLogger(Configuration.class);
    private static final int CONFLICT = 409;
    private static final int FAILED = 500;

    private final Settings settings;
    private final Ports ports;
    private final ApiEndpoint api;
    /** Null if the switch has no configuration file. */
    private volatile @Nullable Source source;

    /**
     * The source of the configuration.
     *
     * @param reader reads the file, and applies the options of the command line
     */
    private record Source(Path file, Supplier<Config> reader) {
    }

    Configuration(final Settings settings, final Ports ports, final ApiEndpoint api) {
        this.settings = settings;
        this.ports = ports;
        this.api = api;
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

    @Override
    public ConfigView view() {
        return Views.config(settings.now(), ports.configs(), ports.mirrors().configs(), api.socket().orElse(null));
    }

    @Override
    public synchronized Map<String, KeyChange> change(final String spec) {
        final Config wanted = ConfigReader.parseSettings("config", settings.now(), spec);
        final Map<String, KeyChange> differences = settings.differences(wanted);
        refuseUpgrades(differences);
        try {
            return ports.ifServing(() -> {
                settings.adopt(wanted);
                return differences;
            });
        } catch (final SwitchException e) {
            throw new ApiException(FAILED, e.getMessage());
        }
    }

    /** Refuses settings that a switch which runs cannot adopt. */
    private static void refuseUpgrades(final Map<String, KeyChange> differences) {
        final String refused = differences.entrySet().stream()
            .filter(entry -> entry.getValue().effective().equals(Settings.BY_UPGRADE))
            .map(entry -> entry.getKey() + ": " + entry.getValue()).collect(Collectors.joining("; "));
        if (!refused.isEmpty()) {
            throw new ApiException(CONFLICT, refused + " only; nothing was changed");
        }
    }

    @Override
    public synchronized ReloadView reload(final ReloadOptions options) {
        final Config wanted = source().reader().get();
        final Map<String, KeyChange> differences = settings.differences(wanted);
        if (!options.dryRun()) {
            refuseUpgrades(differences);
        }
        final Config before = settings.now();
        final ReloadView done;
        try {
            done = ports.transact((attached, transaction) -> new PortReload(differences, options, ports.mirrors())
                .run(attached, transaction, wanted, () -> settings.adopt(wanted)));
        } catch (final RuntimeException e) {
            restore(before, e);
            throw e;
        }
        if (done.applied()) {
            LOG.info("reloaded the configuration: {} ports added, {} removed, {} recreated, {} changed, {} unchanged",
                done.added().size(), done.removed().size(), done.recreated().size(), done.changed().size(),
                done.unchanged().size());
        }
        return done;
    }

    /** Adopts the earlier settings again after a reload that failed. */
    private void restore(final Config before, final RuntimeException why) {
        try {
            settings.adopt(before);
        } catch (final SwitchException e) {
            LOG.error("the reload failed, and its settings stay in force: {}", e.getMessage());
            why.addSuppressed(e);
        }
    }

    @Override
    public synchronized void persist() {
        final Source from = source();
        final Config inFile = ConfigReader.read(from.file());
        final Config withOptions = from.reader().get();
        final Config now = settings.now();
        final Config wanted = inFile
            .withWorkers(now.workers() == withOptions.workers() ? inFile.workers() : now.workers(),
                now.cpus().equals(withOptions.cpus()) ? inFile.cpus() : now.cpus())
            .withPoll(now.poll() == withOptions.poll() ? inFile.poll() : now.poll());
        final Set<String> names = inFile.ports().stream().map(PortConfig::name).collect(Collectors.toSet());
        final Set<String> onCommandLine = withOptions.ports().stream().map(PortConfig::name)
            .filter(name -> !names.contains(name)).collect(Collectors.toSet());
        ports.persist(onCommandLine, configs -> ConfigFile.write(from.file(),
            wanted.withPorts(configs).withMirrors(ports.mirrors().configs())));
        LOG.info("wrote the configuration to {}", from.file());
    }
}
