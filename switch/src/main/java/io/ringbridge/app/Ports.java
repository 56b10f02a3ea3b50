package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.CheckView;
import io.ringbridge.api.KeyChange;
import io.ringbridge.api.PortControl;
import io.ringbridge.api.PortDetailView;
import io.ringbridge.api.PortView;
import io.ringbridge.api.QueueView;
import io.ringbridge.app.diagnosis.PortMonitor;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.GuestPortConfig;
import io.ringbridge.config.MirrorConfig;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortKind;
import io.ringbridge.control.event.EventKind;
import io.ringbridge.control.event.Events;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.UplinkPort;
import org.jspecify.annotations.Nullable;

import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The ports of a switch: adds, removes, finds, suspends, resumes and lists them. Any thread may call.
 *
 * <p>The lock of this object guards the set of ports. It is held while a port is opened, adopted, suspended, resumed or
 * closed, which includes the commands to the workers, and while all ports are handed over to another process. So one
 * such change is complete before the next begins, and a caller that lists the ports waits meanwhile. The lock is not
 * held while a caller waits for the end of a port, nor while state directories are tended. Neither the links' own
 * threads nor the workers take it.
 *
 * <p>Once another process has taken over, every operation on a port is refused.
 */
final class Ports implements PortControl, AutoCloseable {
    private static final int NOT_FOUND = 404;
    private static final int CONFLICT = 409;
    private static final int FAILED = 500;

    private final Datapath datapath;
    private final Events events;
    /** Empty if no state is kept. */
    private final Optional<StateDirectory> state;
    private final PortMonitor monitor;
    private final Rates rates;
    private final Reunion reunion;
    private final PortOpener opener;
    private final PortChanger changer;
    private final MirrorSet mirrors;
    private final Map<String, Attached> attached = new LinkedHashMap<>();
    /** The counters of the ports that were reset, by name. */
    private final Map<String, CounterBase> bases = new HashMap<>();
    private boolean served;
    /** Written with the lock held. */
    private volatile boolean handedOver;
    private boolean closed;

    Ports(final Datapath datapath, final Events events, final Optional<StateDirectory> state,
          final PortMonitor monitor, final Rates rates) {
        this.datapath = datapath;
        this.events = events;
        this.state = state;
        this.monitor = monitor;
        this.rates = rates;
        reunion = new Reunion(datapath);
        opener = new PortOpener(datapath, events, state, reunion);
        changer = new PortChanger(datapath, events, opener);
        mirrors = new MirrorSet(datapath, events);
    }

    /**
     * Opens and serves those ports that are not open yet, and begins mirrors. After a restart, forwarding waits for
     * front-ends that were attached before.
     */
    void open(final List<PortConfig> configured, final List<MirrorConfig> mirrored) {
        if (state.isPresent()) {
            configured.forEach(opener::awaitAttached);
            reunion.begin(); // before any port is open
        }
        bind(configured);
        begin(mirrored);
        tendState();
        serve();
        if (hasUplinks()) {
            reunion.arrived();
        }
    }

    /** Begins the mirrors of the configuration, whose ports are open. */
    private synchronized void begin(final List<MirrorConfig> mirrored) {
        if (!closed) {
            mirrored.forEach(mirror -> mirrors.begin(mirror, name -> named(name).port(), false));
        }
    }

    /** Returns the mirrors. They change with the lock of this object held, as in {@link #ifServing}. */
    MirrorSet mirrors() {
        return mirrors;
    }

    /** Opens those ports that are not open yet. Front-ends wait for {@link #serve}. */
    void bind(final List<PortConfig> configured) {
        prepareState();
        configured.stream().filter(port -> !isOpen(port.name())).forEach(port -> bind(port, false));
    }

    /** Adds a port and opens its socket or device. */
    private synchronized void bind(final PortConfig port, final boolean whileRunning) {
        if (!closed) {
            attached.put(port.name(), opener.open(port, whileRunning));
        }
    }

    /** Adds a port that the old process still serves, as {@link PortOpener#adopt} does. */
    synchronized Attached adopt(final PortConfig port, final int queues, final boolean whileRunning,
                                final StateReader in) {
        final Attached adopted = opener.adopt(port, queues, whileRunning, in);
        attached.put(port.name(), adopted);
        return adopted;
    }

    /** Serves the front-ends of all ports, once all ports of the configuration are open. */
    synchronized void serve() {
        attached.values().forEach(port -> port.link().serve());
        served = true;
    }

    /** Whether all ports of the configuration were opened. */
    synchronized boolean isServed() {
        return served;
    }

    private synchronized boolean isOpen(final String name) {
        return attached.containsKey(name);
    }

    private synchronized boolean hasUplinks() {
        return attached.values().stream().anyMatch(port -> port.port() instanceof UplinkPort);
    }

    /** Creates the state directory, if state is kept. */
    void prepareState() {
        state.ifPresent(StateDirectory::make);
    }

    /** Refreshes the state directories of the present ports, and removes stale ones. */
    void tendState() {
        state.ifPresent(directory -> directory.tend(configs(), Instant.now()));
    }

    @Override
    public synchronized PortView add(final String spec) {
        checkNotHandedOver();
        final PortConfig port = ConfigReader.parsePort("port add", spec);
        final List<PortConfig> together = new ArrayList<>(configs());
        together.add(port);
        ConfigReader.checkTogether("port add", together);
        if (together.size() > Datapath.MAX_PORTS) {
            throw new ApiException(CONFLICT,
                "there are already " + attached.size() + " ports; at most " + Datapath.MAX_PORTS + " are allowed");
        }
        try {
            bind(port, true);
            named(port.name()).link().serve();
            return view(named(port.name()));
        } catch (final SwitchException e) {
            throw new ApiException(FAILED, e.getMessage());
        }
    }

    @Override
    public synchronized Map<String, KeyChange> change(final String name, final String spec) {
        final Attached port = named(name);
        final PortConfig wanted = ConfigReader.parseChange("port " + name, port.config(), spec);
        final PortPlan.Pair pair = new PortPlan.Pair(port, wanted);
        if (!wanted.fits(port.config())) {
            throw new ApiException(CONFLICT, pair.refusal() + " cannot be changed while the port exists; remove the "
                + "port and add it again");
        }
        try {
            final ChangedPort changed = changer.change(port, wanted);
            attached.put(name, changed.port());
            return ChangedKey.views(changed.keys());
        } catch (final SwitchException e) {
            throw new ApiException(FAILED, e.getMessage());
        }
    }

    /**
     * Runs an action on all ports with the lock held.
     *
     * @param action receives the ports by name, and a transaction that changes them
     */
    synchronized <T> T transact(final BiFunction<Map<String, Attached>, PortTransaction, T> action) {
        checkNotHandedOver();
        return action.apply(Collections.unmodifiableMap(attached),
            new PortTransaction(datapath, events, opener, changer, state, attached));
    }

    /**
     * Writes the ports to the configuration file, in which all of them are then.
     *
     * @param others the names of ports that are not written
     * @param writer writes the others; if it throws, nothing has changed
     */
    synchronized void persist(final Set<String> others, final Consumer<List<PortConfig>> writer) {
        checkNotHandedOver();
        writer.accept(configs().stream().filter(port -> !others.contains(port.name())).toList());
        attached.replaceAll((_, port) -> port.inFile());
        mirrors.configs().forEach(mirror -> mirrors.inFile(mirror.name()));
    }

    @Override
    public synchronized void remove(final String name) {
        final Attached port = named(name);
        mirrors.endOf(name);
        close(port);
        attached.remove(name);
        bases.remove(name);
        state.ifPresent(directory -> directory.remove(port.config()));
        events.of(name).report(EventKind.REMOVED, "removed");
        Logging.level(name, null);
    }

    @Override
    public synchronized void suspend(final String name) {
        final GuestPort port = guest(name);
        if (port.suspendedBy().contains(SuspendCause.OPERATOR)) {
            return;
        }
        port.suspend(SuspendCause.OPERATOR);
        report(name, EventKind.SUSPENDED, "suspended by the operator");
    }

    @Override
    public synchronized void resume(final String name) {
        final GuestPort port = guest(name);
        if (!port.suspendedBy().contains(SuspendCause.OPERATOR)) {
            return;
        }
        port.resume(SuspendCause.OPERATOR);
        report(name, EventKind.RESUMED, "resumed by the operator");
    }

    private void report(final String name, final EventKind kind, final String text) {
        events.of(name).report(kind, text, Map.of("by", SuspendCause.OPERATOR.label()));
    }

    @Override
    public synchronized void resetCounters(final String name) {
        bases.put(name, CounterBase.of(named(name).port()));
        report(name, EventKind.CHANGED, "counters reset by the operator");
    }

    private CounterBase base(final Attached port) {
        return bases.getOrDefault(port.port().name(), CounterBase.NONE);
    }

    private GuestPort guest(final String name) {
        final Attached port = named(name);
        if (port.port() instanceof final GuestPort guest) {
            return guest;
        }
        throw new ApiException(CONFLICT, "port " + name + " is of type " + port.config().kind().word()
            + "; only ports of type " + PortKind.VHOST_USER.word() + " can be suspended");
    }

    /** Returns a port by its name, or throws if there is no such port. */
    synchronized Attached named(final String name) {
        checkNotHandedOver();
        final Attached port = attached.get(name);
        if (port == null) {
            throw new ApiException(NOT_FOUND,
                "no port is named \"" + name + "\"; there are: " + String.join(", ", attached.keySet()));
        }
        return port;
    }

    private void checkNotHandedOver() {
        if (handedOver) {
            throw new ApiException(CONFLICT, "another process has taken over this switch; try again");
        }
    }

    /** Runs an action with the lock held, or throws if another process has taken over the ports. */
    synchronized <T> T ifServing(final Supplier<T> action) {
        checkNotHandedOver();
        return action.get();
    }

    @Override
    public synchronized List<PortView> views() {
        return attached.values().stream().map(this::view).toList();
    }

    private PortView view(final Attached port) {
        return Views.port(port, base(port), monitor.problem(port.port(), port.link(), socket(port)),
            rates.of(port.port()));
    }

    private static @Nullable Path socket(final Attached port) {
        return port.config() instanceof final GuestPortConfig guest ? guest.path().orElse(null) : null;
    }

    @Override
    public synchronized PortDetailView view(final String name) {
        final Attached port = named(name);
        return PortDetails.of(port, view(port), base(port));
    }

    @Override
    public synchronized List<CheckView> diagnose(final String name) {
        final Attached port = named(name);
        return monitor.checks(port.port(), port.link(), socket(port)).stream()
            .map(check -> new CheckView(check.name(), check.state().label(), check.text())).toList();
    }

    @Override
    public synchronized List<QueueView> queues() {
        return attached.values().stream().flatMap(port -> Views.queues(port.port(), base(port))).toList();
    }

    synchronized List<PortConfig> configs() {
        return attached.values().stream().map(Attached::config).toList();
    }

    /**
     * Hands all ports over to another process with the lock held.
     *
     * @param handOver hands over the given ports, and calls {@link #handedOver} once the other process has them
     * @throws HandOverException if the ports are closed, or another process has them already
     */
    synchronized <T> T handOver(final Function<List<Attached>, T> handOver) {
        if (closed || handedOver) {
            throw new HandOverException("the switch is shutting down");
        }
        return handOver.apply(List.copyOf(attached.values()));
    }

    /** Records that another process has taken over. The ports are left alone from now on. */
    synchronized void handedOver() {
        handedOver = true;
    }

    /** Whether another process has taken over. */
    boolean isHandedOver() {
        return handedOver;
    }

    /** Waits until a port ends. Returns at once if there is no such port. */
    void awaitEnd(final String name) throws InterruptedException {
        final Attached port;
        synchronized (this) {
            port = attached.get(name);
        }
        if (port != null) {
            port.link().awaitEnd();
        }
    }

    /**
     * Ends every session and removes the sockets. Ports that were handed over are left alone.
     *
     * <p>Before the first port is closed, the workers stop taking frames and deliver those that they have taken: a
     * closed port receives no frames from the ports that are still open.
     */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        reunion.cancel();
        if (!handedOver) {
            datapath.pauseAll();
        }
        attached.values().forEach(this::close);
        attached.clear();
    }

    private void close(final Attached port) {
        port.link().close();
        datapath.remove(port.port());
    }
}
