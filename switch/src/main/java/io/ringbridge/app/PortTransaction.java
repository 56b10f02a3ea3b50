package io.ringbridge.app;

import io.ringbridge.config.PortConfig;
import io.ringbridge.control.event.EventKind;
import io.ringbridge.control.event.Events;
import io.ringbridge.datapath.Datapath;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Adds, removes and changes several ports as one. If a step fails, the earlier steps are undone, the last one first.
 * Used by {@link Ports} while it holds its lock.
 */
final class PortTransaction {
    private static final Logger LOG = LoggerFactory.getLogger(PortTransaction.class);

    private final Datapath datapath;
    private final Events events;
    private final PortOpener opener;
    private final PortChanger changer;
    private final Optional<StateDirectory> state;
    private final Map<String, Attached> attached;
    private final Deque<Runnable> undo = new ArrayDeque<>();
    private final List<ChangedPort> changes = new ArrayList<>();

    /**
     * Creates a transaction without steps.
     *
     * @param state empty if no state is kept
     * @param attached the ports by name
     */
    PortTransaction(final Datapath datapath, final Events events, final PortOpener opener, final PortChanger changer,
                    final Optional<StateDirectory> state, final Map<String, Attached> attached) {
        this.datapath = datapath;
        this.events = events;
        this.opener = opener;
        this.changer = changer;
        this.state = state;
        this.attached = attached;
    }

    /**
     * Carries out a plan. Steps that may fail without an effect on any guest come first: changes, and then ports that
     * use nothing of those to be removed.
     *
     * @return the changes
     * @throws RuntimeException if a step failed; the ports are as before, but a guest of a port that was removed and
     *     restored has lost its connection
     */
    List<ChangedPort> carryOut(final PortPlan plan) {
        try {
            plan.changed().forEach(this::change);
            final List<PortConfig> opened = new ArrayList<>(plan.added());
            plan.recreated().forEach(pair -> opened.add(pair.wanted()));
            final List<Attached> closed = new ArrayList<>(plan.removed());
            plan.recreated().forEach(pair -> closed.add(pair.now()));
            final List<PortConfig> later = opened.stream().filter(port -> needs(port, closed)).toList();
            opened.removeAll(later);
            opened.forEach(this::add);
            closed.forEach(this::remove);
            later.forEach(this::add);
            plan.unchanged().forEach(this::keep);
            plan.removed().forEach(port -> Logging.level(port.config().name(), null));
            state.ifPresent(directory -> plan.removed().forEach(port -> directory.remove(port.config())));
            return changes;
        } catch (final RuntimeException e) {
            undo.forEach(PortTransaction::tryTo);
            throw e;
        }
    }

    /** Whether a port cannot be opened before others are closed. */
    private boolean needs(final PortConfig port, final List<Attached> closed) {
        return attached.size() >= Datapath.MAX_PORTS || closed.stream().map(Attached::config)
            .anyMatch(other -> other.name().equals(port.name()) || other.conflictsWith(port));
    }

    private void change(final PortPlan.Pair pair) {
        final ChangedPort changed = changer.change(pair.now(), pair.wanted());
        changes.add(changed);
        attached.put(pair.wanted().name(), changed.port().inFile());
        undo.push(() -> {
            attached.put(pair.wanted().name(), pair.now());
            changer.revert(pair.now(), changed);
        });
    }

    private void keep(final Attached port) {
        attached.put(port.config().name(), port.inFile());
    }

    private void add(final PortConfig port) {
        final Attached added = opener.open(port, false);
        attached.put(port.name(), added);
        undo.push(() -> close(added));
        added.link().serve();
    }

    private void remove(final Attached port) {
        close(port);
        events.of(port.config().name()).report(EventKind.REMOVED, "removed");
        undo.push(() -> {
            final Attached again = opener.open(port.config(), port.added());
            attached.put(port.config().name(), again);
            again.link().serve();
        });
    }

    private void close(final Attached port) {
        port.link().close();
        datapath.remove(port.port());
        attached.remove(port.config().name());
    }

    private static void tryTo(final Runnable step) {
        try {
            step.run();
        } catch (final RuntimeException e) {
            LOG.error("cannot undo a step: {}", e.getMessage());
        }
    }
}
