package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.KeyChange;
import io.ringbridge.api.ReloadOptions;
import io.ringbridge.api.ReloadView;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.PortConfig;
import io.ringbridge.datapath.Datapath;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Makes the ports and mirrors of a switch those of a configuration, as {@link io.ringbridge.api.ConfigControl#reload}
 * states.
 */
final class PortReload {
    private static final int CONFLICT = 409;
    private static final int FAILED = 500;

    private final Map<String, KeyChange> settings;
    private final ReloadOptions options;
    private final MirrorSet mirrors;

    /** Creates a reload. {@code settings} are the changes of other settings, for the view. */
    PortReload(final Map<String, KeyChange> settings, final ReloadOptions options, final MirrorSet mirrors) {
        this.settings = settings;
        this.options = options;
        this.mirrors = mirrors;
    }

    /**
     * Changes the ports and the mirrors, unless the reload is a dry run. The lock of the ports is held.
     *
     * @param attached the ports by name
     * @param transaction changes the ports
     * @param adoptSettings runs before the first port changes; if it throws, no port changes
     */
    ReloadView run(final Map<String, Attached> attached, final PortTransaction transaction,
                   final Config wanted, final Runnable adoptSettings) {
        final PortPlan plan = PortPlan.of(attached, wanted.ports(), options.prune());
        check(plan);
        final MirrorPlan mirrored = MirrorPlan.of(mirrors.all(), wanted.mirrors(), plan, options.prune());
        mirrored.check(plan.result());
        if (options.dryRun()) {
            return view(plan, mirrored, Map.of());
        }
        try {
            adoptSettings.run();
            final List<ChangedPort> changed = carryOut(plan, mirrored, attached, transaction);
            return view(plan, mirrored, changed.stream().collect(Collectors.toMap(
                change -> change.port().config().name(), change -> ChangedKey.views(change.keys()))));
        } catch (final SwitchException e) {
            throw new ApiException(FAILED, "nothing was changed: " + e.getMessage());
        }
    }

    /** Carries out both plans. Only the ports' may fail; then the mirrors that ended begin again. */
    private List<ChangedPort> carryOut(final PortPlan plan, final MirrorPlan mirrored,
                                       final Map<String, Attached> attached, final PortTransaction transaction) {
        final List<MirrorSet.Running> ended = mirrored.end(mirrors);
        final List<ChangedPort> changed;
        try {
            changed = transaction.carryOut(plan);
        } catch (final RuntimeException e) {
            MirrorPlan.restore(ended, mirrors, attached);
            throw e;
        }
        mirrored.begin(mirrors, attached);
        return changed;
    }

    private void check(final PortPlan plan) {
        ConfigReader.checkTogether("reload", plan.result());
        if (plan.result().size() > Datapath.MAX_PORTS) {
            throw new ApiException(CONFLICT, "there would be " + plan.result().size() + " ports; at most "
                + Datapath.MAX_PORTS + " are allowed");
        }
        if (!plan.recreated().isEmpty() && !options.recreate() && !options.dryRun()) {
            throw new ApiException(CONFLICT, plan.recreated().stream().map(PortPlan.Pair::refusal)
                .collect(Collectors.joining("; ")) + " cannot be changed while the port exists; reload --recreate "
                + "removes such ports and adds them again");
        }
    }

    private ReloadView view(final PortPlan plan, final MirrorPlan mirrored,
                            final Map<String, Map<String, KeyChange>> carriedOut) {
        final Map<String, Map<String, KeyChange>> changed = views(plan.changed());
        changed.putAll(carriedOut);
        return new ReloadView(!options.dryRun(), settings, plan.added().stream().map(PortConfig::name).toList(),
            names(plan.removed()), views(plan.recreated()), changed, names(plan.unchanged()), names(plan.kept()),
            mirrored.view());
    }

    private static Map<String, Map<String, KeyChange>> views(final List<PortPlan.Pair> pairs) {
        final Map<String, Map<String, KeyChange>> views = new LinkedHashMap<>();
        pairs.forEach(pair -> views.put(pair.wanted().name(), ChangedKey.views(pair.keys())));
        return views;
    }

    private static List<String> names(final List<Attached> ports) {
        return ports.stream().map(port -> port.config().name()).toList();
    }
}
