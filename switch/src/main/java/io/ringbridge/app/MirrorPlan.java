package io.ringbridge.app;

import io.ringbridge.api.MirrorChanges;
import io.ringbridge.app.MirrorSet.Running;
import io.ringbridge.config.MirrorConfig;
import io.ringbridge.config.PortConfig;
import io.ringbridge.datapath.port.Port;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The difference between the mirrors that run and those of a configuration. Immutable.
 *
 * @param added mirrors to begin
 * @param removed mirrors to end
 * @param changed mirrors to end, and to begin again with another configuration
 * @param restarted mirrors to end, and to begin again because one of their ports is recreated
 * @param unchanged mirrors that run as configured
 * @param kept mirrors that were added while the switch ran, and stay
 */
record MirrorPlan(List<MirrorConfig> added, List<Running> removed, List<MirrorConfig> changed,
                  List<Running> restarted, List<Running> unchanged, List<Running> kept) {
    /**
     * Compares mirrors.
     *
     * @param ports the plan for the ports. A mirror that is not in the configuration ends with its ports
     * @param prune whether mirrors that were added while the switch ran end unless they are in the configuration
     */
    static MirrorPlan of(final List<Running> present, final List<MirrorConfig> wanted, final PortPlan ports,
                         final boolean prune) {
        final MirrorPlan plan = new MirrorPlan(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(),
            new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        final Map<String, Running> others = new LinkedHashMap<>();
        present.forEach(each -> others.put(each.config().name(), each));
        for (final MirrorConfig mirror : wanted) {
            final Running now = others.remove(mirror.name());
            if (now == null) {
                plan.added.add(mirror);
            } else if (now.config().equals(mirror)) {
                plan.unchanged.add(now);
            } else {
                plan.changed.add(mirror);
            }
        }
        final Set<String> gone = new HashSet<>();
        ports.removed().forEach(port -> gone.add(port.config().name()));
        others.values().forEach(each -> (each.added() && !prune && gone.stream().noneMatch(each.config()::uses)
            ? plan.kept : plan.removed).add(each));
        Stream.concat(plan.unchanged.stream(), plan.kept.stream()).filter(each -> ports.recreated().stream()
            .anyMatch(pair -> each.config().uses(pair.wanted().name()))).forEach(plan.restarted::add);
        return plan;
    }

    /** Returns the mirrors that run once the plan is carried out. */
    List<MirrorConfig> result() {
        return Stream.of(unchanged.stream().map(Running::config), kept.stream().map(Running::config), changed.stream(),
            added.stream()).flatMap(each -> each).toList();
    }

    /** Refuses mirrors that do not fit the ports once both plans are carried out. */
    void check(final List<PortConfig> ports) {
        MirrorConfig.checkTogether("reload", ports, result());
    }

    /**
     * Ends the mirrors that do not stay, before the ports change.
     *
     * @return them
     */
    List<Running> end(final MirrorSet mirrors) {
        final Set<String> ended = new HashSet<>();
        removed.forEach(each -> ended.add(each.config().name()));
        changed.forEach(each -> ended.add(each.name()));
        restarted.forEach(each -> ended.add(each.config().name()));
        final List<Running> all =
            mirrors.all().stream().filter(each -> ended.contains(each.config().name())).toList();
        all.forEach(each -> mirrors.end(each.config().name()));
        return all;
    }

    /** Begins the mirrors that were changed or added, after the ports have changed. */
    void begin(final MirrorSet mirrors, final Map<String, Attached> ports) {
        restarted.forEach(each -> mirrors.begin(each.config(), name -> port(ports, name), each.added()));
        changed.forEach(each -> mirrors.begin(each, name -> port(ports, name), false));
        added.forEach(each -> mirrors.begin(each, name -> port(ports, name), false));
        unchanged.forEach(each -> mirrors.inFile(each.config().name()));
    }

    /** Begins mirrors that were ended, because the ports did not change. */
    static void restore(final List<Running> ended, final MirrorSet mirrors, final Map<String, Attached> ports) {
        ended.stream().filter(each -> ports.containsKey(each.config().to())
                && (each.config().vlan().isPresent() || ports.containsKey(each.config().from())))
            .forEach(each -> mirrors.begin(each.config(), name -> port(ports, name), each.added()));
    }

    private static Port port(final Map<String, Attached> ports, final String name) {
        final Attached port = ports.get(name);
        assert port != null : "the plan was checked";
        return port.port();
    }

    /** Returns the names of the mirrors, for output. */
    MirrorChanges view() {
        return new MirrorChanges(names(added), named(removed), names(changed), named(unchanged), named(kept));
    }

    private static List<String> names(final List<MirrorConfig> mirrors) {
        return mirrors.stream().map(MirrorConfig::name).toList();
    }

    private static List<String> named(final List<Running> mirrors) {
        return mirrors.stream().map(each -> each.config().name()).toList();
    }
}
