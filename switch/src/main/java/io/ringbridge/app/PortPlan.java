package io.ringbridge.app;

import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortKey;
import io.ringbridge.config.PortKey.Adoption;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The difference between the ports that run and those of a configuration. Immutable.
 *
 * @param added ports to add
 * @param removed ports to remove
 * @param recreated ports to remove and to add again, because keys differ that a port cannot change
 * @param changed ports that adopt another configuration
 * @param unchanged ports that run as configured
 * @param kept ports that were added while the switch ran, and stay
 */
record PortPlan(List<PortConfig> added, List<Attached> removed, List<Pair> recreated, List<Pair> changed,
                List<Attached> unchanged, List<Attached> kept) {
    /** A port that runs, and its other configuration. */
    record Pair(Attached now, PortConfig wanted) {
        /** Returns the keys that differ, with the time at which the port adopts them. */
        List<ChangedKey> keys() {
            return wanted.differences(now.config()).stream()
                .map(key -> new ChangedKey(key, now.config().shown(key), wanted.shown(key), key.adoption())).toList();
        }

        /** Returns the reason why the port cannot adopt its other configuration. */
        String refusal() {
            return "port " + now.config().name() + ": " + keys().stream()
                .filter(key -> key.adoption() == Adoption.NEVER).map(ChangedKey::key).map(PortKey::word)
                .collect(Collectors.joining(", "));
        }
    }

    /**
     * Compares ports.
     *
     * @param wanted the ports of the configuration
     * @param prune whether ports that were added while the switch ran are removed unless they are in the configuration
     */
    static PortPlan of(final Map<String, Attached> present, final List<PortConfig> wanted, final boolean prune) {
        final PortPlan plan = new PortPlan(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>(),
            new ArrayList<>(), new ArrayList<>());
        final Set<String> names = new HashSet<>();
        for (final PortConfig port : wanted) {
            names.add(port.name());
            final Attached now = present.get(port.name());
            if (now == null) {
                plan.added.add(port);
            } else if (port.differences(now.config()).isEmpty()) {
                plan.unchanged.add(now);
            } else {
                (port.fits(now.config()) ? plan.changed : plan.recreated).add(new Pair(now, port));
            }
        }
        present.values().stream().filter(port -> !names.contains(port.config().name()))
            .forEach(port -> (port.added() && !prune ? plan.kept : plan.removed).add(port));
        return plan;
    }

    /** Returns the ports that run once the plan is carried out. */
    List<PortConfig> result() {
        final List<PortConfig> result = new ArrayList<>(added);
        recreated.forEach(pair -> result.add(pair.wanted()));
        changed.forEach(pair -> result.add(pair.wanted()));
        unchanged.forEach(port -> result.add(port.config()));
        kept.forEach(port -> result.add(port.config()));
        return result;
    }
}
