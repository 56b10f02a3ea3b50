package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.ApiServer;
import io.ringbridge.api.ApiSocket;
import io.ringbridge.api.ConfigView;
import io.ringbridge.api.FdbControl;
import io.ringbridge.api.LastException;
import io.ringbridge.api.PortView;
import io.ringbridge.api.QueueView;
import io.ringbridge.api.SwitchControl;
import io.ringbridge.api.UpgradeView;
import io.ringbridge.api.WorkerView;
import io.ringbridge.app.diagnosis.Diagnoses;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortConfig.Attachment;
import io.ringbridge.control.Link;
import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.backend.Presence;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.uplink.InterfaceLink;
import io.ringbridge.control.uplink.PcapLink;
import io.ringbridge.control.uplink.PcapOptions;
import io.ringbridge.control.uplink.TapLink;
import io.ringbridge.control.uplink.TapOptions;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.worker.Datapath;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;

/** A switch that runs: a datapath, ports, and an API where one was opened. Any thread may call in. */
public final class Switch implements SwitchControl, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Switch.class);
    private static final int NOT_FOUND = 404;
    private static final int CONFLICT = 409;
    private static final int FAILED = 500;
    private static final double NANOS_A_MILLI = 1e6;

    private final Config config;
    private final Datapath datapath;
    private final Fdb fdb;
    /** Null if nothing is kept. */
    private final StateDirectory state;
    private final Reunion reunion;
    private final Observer observer = new Observer();
    private final Diagnoses diagnoses;
    private final Map<String, Attached> attached = new LinkedHashMap<>();
    private final AtomicBoolean upgrading = new AtomicBoolean();
    private final CountDownLatch succeeded = new CountDownLatch(1);
    private volatile Function<String, List<String>> commands;
    private ApiServer api;
    private boolean handedOver;
    private volatile boolean lost;
    private boolean closed;

    private Switch(final Config config, final Datapath datapath) {
        this.config = config;
        this.datapath = datapath;
        fdb = new Fdb(this, datapath);
        state = config.state().directory().map(StateDirectory::new).orElse(null);
        reunion = new Reunion(datapath);
        diagnoses = new Diagnoses(datapath);
    }

    /**
     * Names a place for the state of a configuration that names none: a directory beside the default socket of the API.
     * If there is no place to write to, nothing is kept, and the log has a warning.
     *
     * @param apiSockets the default sockets of the API, the preferred one first
     */
    public static Config placeState(final Config config, final List<Path> apiSockets) {
        return StateDirectory.place(config, apiSockets);
    }

    /** Starts the workers; the ports of the configuration are opened by {@link #openPorts}. */
    public static Switch start(final Config config) {
        final Switch made = prepare(config);
        made.run();
        return made;
    }

    /** Makes a switch on which nothing moves before {@link #run}. */
    static Switch prepare(final Config config) {
        try {
            return new Switch(config, Datapath.prepare(config.datapath()));
        } catch (final RuntimeException e) {
            throw new SwitchException("the workers cannot start: " + e.getMessage(), e);
        }
    }

    void run() {
        datapath.run(new WorkerWatch());
        observer.repeat(Diagnoses.PERIOD, () -> diagnoses.look(System.nanoTime()));
        if (state != null) {
            observer.repeat(StateDirectory.PERIOD, this::tendState);
        }
    }

    /**
     * Takes over what another process serves, which hands it over at the other end of a connection; returns when frames move.
     *
     * @param config may differ in what no front-end notices, and have ports more
     * @param command as for {@link #startedBy}
     * @throws RuntimeException when that fails; the other process goes on, and is told why
     */
    public static Switch takeOver(final Config config, final StateSocket from, final Function<String, List<String>> command) {
        try {
            return new TakeOver(config, from, command).run();
        } catch (final RuntimeException e) {
            refuse(from, e);
            throw e;
        }
    }

    /** Tells the process that was to be taken over from why it is not. */
    public static void refuse(final StateSocket from, final RuntimeException why) {
        try {
            from.refuse(String.valueOf(why.getMessage()).lines().findFirst().orElse("no reason"));
        } catch (final HandOverException e) {
            LOG.debug("the old process is not told: {}", e.getMessage());
        }
    }

    /** Opens every port of the configuration that is not open. */
    public void openPorts() {
        if (state != null) {
            config.ports().forEach(this::awaitAttached);
            reunion.begin(); // before any port is open
        }
        bindPorts();
        if (state != null) {
            tendState();
        }
        servePorts();
        if (hasUplinks()) {
            reunion.arrived();
        }
    }

    private synchronized boolean hasUplinks() {
        return attached.values().stream().anyMatch(port -> port.port() instanceof UplinkPort);
    }

    /** Opens the sockets of those; who connects waits until {@link #servePorts}. */
    void bindPorts() {
        prepareState();
        config.ports().stream().filter(port -> !isOpen(port.name())).forEach(port -> bind(port, false));
    }

    synchronized void servePorts() {
        attached.values().forEach(port -> port.link().serve());
    }

    private synchronized boolean isOpen(final String name) {
        return attached.containsKey(name);
    }

    void prepareState() {
        if (state != null) {
            state.make();
        }
    }

    /** Keeps the state directory of the ports there are, and removes what others have left. */
    private void tendState() {
        final List<PortConfig> ports;
        synchronized (this) {
            ports = attached.values().stream().map(Attached::config).toList();
        }
        state.tend(ports, Instant.now());
    }

    Datapath datapath() {
        return datapath;
    }

    /** The API's socket where the configuration names one. */
    public Optional<Path> configuredApi() {
        return config.api();
    }

    /** Opens the API; one that is in use by another process is left alone and is an error. */
    public synchronized void openApi(final Path socket) {
        if (!closed) {
            api = ApiServer.start(socket, this);
        }
    }

    /** Logs where the API is, if there is one. */
    public synchronized void logApi() {
        if (api != null) {
            LOG.info("API on {}", api.socket());
        }
    }

    /**
     * Opens the API at a place of its own, from which it {@linkplain #placeApi moves} to its socket.
     *
     * @param taken whether it is the process before that has the socket; else it has to be free
     */
    synchronized void openApiBeside(final Path socket, final boolean taken) {
        if (!taken) {
            try {
                ApiSocket.checkFree(socket);
            } catch (final IOException e) {
                throw new HandOverException("api socket " + socket + ": " + e.getMessage(), e);
            }
        }
        api = ApiServer.start(socket.resolveSibling(".api-" + ProcessHandle.current().pid()), this);
    }

    /** Moves the API to its socket, in place of the process before; null where there is none. */
    synchronized void placeApi(final Path socket) {
        if (api == null) {
            return;
        }
        try {
            api.moveTo(socket);
            LOG.info("API on {}", socket);
        } catch (final ApiException e) {
            LOG.error("{}", e.getMessage());
        }
    }

    /** Adds a port and opens its socket or device. */
    private synchronized void bind(final PortConfig port, final boolean whileRunning) {
        if (closed) {
            return;
        }
        switch (port.attachment()) {
            case Attachment.Tap tap -> open(port, whileRunning, PortOptions.of(port, tap));
            case Attachment.Pcap pcap -> open(port, whileRunning, pcap.options());
            default -> open(port, whileRunning);
        }
    }

    private void open(final PortConfig port, final boolean whileRunning) {
        final GuestPort added = datapath.addGuestPort(port.name(), port.queues(), port.mtu(), port.vlan());
        final Path kept = stateOf(port);
        final Presence presence = presence(port.name(), kept);
        attach(port, whileRunning, added, () -> Backend.open(added, PortOptions.of(port, kept), presence));
        LOG.info("port {}: {} {}, {} queue pairs, mtu {}{}", port.name(), port.mode(), port.socket(), port.queues(), port.mtu(),
            Views.vlan(port));
    }

    private void awaitAttached(final PortConfig port) {
        if (presence(port.name(), stateOf(port)) instanceof final Attendance attendance && attendance.wasAttached()) {
            reunion.await(port.name(), attendance);
        }
    }

    private Presence presence(final String port, final Path kept) {
        return kept == null ? Presence.UNHEARD : new Attendance(port, kept, reunion::arrived);
    }

    private Path stateOf(final PortConfig port) {
        return state == null ? null : state.of(port);
    }

    private void open(final PortConfig port, final boolean whileRunning, final TapOptions options) {
        final UplinkPort added = datapath.addUplinkPort(port.name(), port.queues(), PortConfig.DEFAULT_MTU, port.vlan());
        attach(port, whileRunning, added, () -> TapLink.start(added, options));
        LOG.info("port {}: tap {}, {} queues, mtu {}{}", port.name(), options.device(), port.queues(), added.mtu(), Views.vlan(port));
    }

    private void open(final PortConfig port, final boolean whileRunning, final PcapOptions options) {
        final UplinkPort added = datapath.addUplinkPort(port.name(), port.queues(), PortConfig.DEFAULT_MTU, port.vlan());
        attach(port, whileRunning, added,
            () -> options.device() == null ? PcapLink.start(added, options) : InterfaceLink.start(added, options));
        LOG.info("port {}: pcap{}{}{}{}", port.name(), options.device() == null ? "" : ", interface " + options.device(),
            options.read() == null ? "" : ", replays " + options.read(), options.write() == null ? "" : ", records to " + options.write(),
            Views.vlan(port));
    }

    private void attach(final PortConfig port, final boolean whileRunning, final Port added, final Supplier<Link> link) {
        added.relayGroups(port.groupForward());
        try {
            attached.put(port.name(), new Attached(port, added, link.get(), whileRunning));
        } catch (final RuntimeException e) {
            datapath.remove(added);
            throw new SwitchException("port " + port.name() + ": " + e.getMessage(), e);
        }
    }

    /** Adds a port that another process has still, suspended. */
    synchronized Port adopt(final PortConfig port, final boolean whileRunning, final StateReader in) {
        final boolean guest = PortConfig.VHOST_USER.equals(port.type());
        final Port added = guest ? datapath.addGuestPort(port.name(), port.queues(), port.mtu(), port.vlan())
            : datapath.addUplinkPort(port.name(), port.queues(), PortConfig.DEFAULT_MTU, port.vlan());
        added.relayGroups(port.groupForward());
        added.suspend(SuspendCause.UPGRADE);
        try {
            final Link link = switch (port.attachment()) {
                case Attachment.Tap tap -> TapLink.adopt((UplinkPort) added, PortOptions.of(port, tap), in);
                case Attachment.Pcap(PcapOptions options) when options.device() != null ->
                    InterfaceLink.adopt((UplinkPort) added, options, in);
                case Attachment.Pcap(PcapOptions options) -> PcapLink.adopt((UplinkPort) added, options, in);
                default -> {
                    final Path kept = stateOf(port);
                    yield Backend.adopt((GuestPort) added, PortOptions.of(port, kept), presence(port.name(), kept), in);
                }
            };
            attached.put(port.name(), new Attached(port, added, link, whileRunning));
            return added;
        } catch (final RuntimeException e) {
            datapath.remove(added);
            throw new HandOverException("port " + port.name() + ": " + e.getMessage(), e);
        }
    }

    @Override
    public synchronized void addPort(final String spec) {
        checkHere();
        final PortConfig port = ConfigReader.parsePort("port add", spec);
        final List<PortConfig> together = new ArrayList<>(attached.values().stream().map(Attached::config).toList());
        together.add(port);
        ConfigReader.checkTogether("port add", together);
        if (together.size() > Datapath.MAX_PORTS) {
            throw new ApiException(CONFLICT, "there are " + attached.size() + " ports; " + Datapath.MAX_PORTS + " are allowed");
        }
        try {
            bind(port, true);
            servePorts();
        } catch (final SwitchException e) {
            throw new ApiException(FAILED, e.getMessage());
        }
    }

    @Override
    public synchronized void removePort(final String name) {
        final Attached port = named(name);
        close(port);
        attached.remove(name);
        if (state != null) {
            state.remove(port.config());
        }
        LOG.info("port {}: removed", name);
    }

    @Override
    public synchronized void suspendPort(final String name) {
        guest(name).suspend(SuspendCause.OPERATOR);
        LOG.info("port {}: suspended by the {}", name, SuspendCause.OPERATOR.label());
    }

    @Override
    public synchronized void resumePort(final String name) {
        guest(name).resume(SuspendCause.OPERATOR);
        LOG.info("port {}: resumed by the {}", name, SuspendCause.OPERATOR.label());
    }

    private void checkHere() {
        if (handedOver) {
            throw new ApiException(CONFLICT, "another process has taken over; ask it");
        }
    }

    private GuestPort guest(final String name) {
        final Attached port = named(name);
        if (port.port() instanceof final GuestPort guest) {
            return guest;
        }
        throw new ApiException(CONFLICT, "port " + name + " is of type " + port.config().type() + "; suspended are those of type "
            + PortConfig.VHOST_USER);
    }

    /** A port that there is, by its name. */
    synchronized Attached named(final String name) {
        checkHere();
        final Attached port = attached.get(name);
        if (port == null) {
            throw new ApiException(NOT_FOUND, "no port is named \"" + name + "\"; there are " + String.join(", ", attached.keySet()));
        }
        return port;
    }

    @Override
    public synchronized List<PortView> ports() {
        return attached.values().stream().map(port -> Views.port(port, why(port))).toList();
    }

    private String why(final Attached port) {
        final Path socket = switch (port.config().attachment()) {
            case Attachment.Server server -> server.socket();
            case Attachment.Client client -> client.socket();
            case Attachment.Descriptor _, Attachment.Tap _, Attachment.Pcap _ -> null;
        };
        return diagnoses.why(port.port(), port.link(), socket);
    }

    @Override
    public synchronized List<QueueView> queues() {
        return attached.values().stream().flatMap(port -> Views.queues(port.port())).toList();
    }

    @Override
    public FdbControl fdb() {
        return fdb;
    }

    /** Does something to what this serves, unless another process does by now. */
    synchronized <T> T here(final Supplier<T> action) {
        checkHere();
        return action.get();
    }

    @Override
    public List<WorkerView> workers() {
        return datapath.workers().stream().map(Views::worker).toList();
    }

    @Override
    public synchronized ConfigView config() {
        return Views.config(config, attached.values().stream().map(Attached::config).toList(), api == null ? null : api.socket());
    }

    /** Says how a process is started that is to take over; from the program's path, or null for the one that this was started with. */
    public void startedBy(final Function<String, List<String>> command) {
        commands = command;
    }

    @Override
    public UpgradeView upgrade(final String program, final Duration limit) {
        final Function<String, List<String>> command = commands;
        if (command == null) {
            throw new ApiException(CONFLICT, "this switch is a part of another program, and cannot be upgraded by itself");
        }
        if (!upgrading.compareAndSet(false, true)) {
            throw new ApiException(CONFLICT, "an upgrade is under way");
        }
        try (Successor successor = Successor.start(command.apply(program), limit);
             StateSocket to = successor.connection()) {
            final Outcome outcome = handOver(to, successor.remaining());
            successor.release();
            ServiceManager.succeeded(outcome.pid());
            return new UpgradeView(outcome.pid(), outcome.ports(), outcome.nanos() < 0 ? null : outcome.nanos() / NANOS_A_MILLI);
        } catch (final HandOverException e) {
            LOG.warn("not upgraded: {}", e.getMessage());
            throw new ApiException(FAILED, "not upgraded, the switch goes on as it was: " + e.getMessage());
        } catch (final SwitchException e) {
            lost = true;
            LOG.error("{}; no port is served any more, and this process ends", e.getMessage());
            throw new LastException(FAILED, e.getMessage() + "; no port is served any more, and the switch ends");
        } finally {
            upgrading.set(isHandedOver());
        }
    }

    /**
     * Hands everything to another process as soon as that is warm, and lets go of it.
     *
     * @throws HandOverException when it failed; this goes on as before
     * @throws SwitchException when the other process failed after it had taken everything over
     */
    public Outcome handOver(final StateSocket to) {
        return handOver(to, UPGRADE_LIMIT);
    }

    /**
     * Hands everything to another process as soon as that is warm, and lets go of it.
     *
     * @param limit for it to become warm
     * @throws HandOverException when it failed; this goes on as before
     * @throws SwitchException when the other process failed after it had taken everything over
     */
    public Outcome handOver(final StateSocket to, final Duration limit) {
        final long pid = HandOver.awaitReady(to, limit);
        return handOver(to, pid);
    }

    private synchronized Outcome handOver(final StateSocket to, final long pid) {
        if (closed || handedOver) {
            throw new HandOverException("the switch is ending");
        }
        final List<PortConfig> configured = attached.values().stream().map(Attached::config)
            .filter(port -> !(port.attachment() instanceof Attachment.Descriptor)).toList(); // which no configuration has
        final HandOver handing = new HandOver(to, datapath, List.copyOf(attached.values()));
        handing.run(Views.config(config, configured, null), api == null ? "" : api.socket().toString());
        handedOver = true;
        final long nanos = handing.serving();
        LOG.info("{} ports are handed over", attached.size());
        return new Outcome(pid, attached.size(), nanos);
    }

    @Override
    public void upgraded() {
        succeeded.countDown();
    }

    /** Waits until another process serves in the place of this one, and whoever asked for that has been told. */
    public void awaitSuccessor() throws InterruptedException {
        succeeded.await();
    }

    /**
     * Ends every session, removes the sockets, and stops the workers; what was handed over is left alone. Frames that
     * were taken are delivered first: a port that is closed takes none from those that are not closed yet.
     */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        reunion.cancel();
        if (!handedOver) {
            datapath.withholdFrames();
        }
        observer.close();
        attached.values().forEach(this::close);
        attached.clear();
        datapath.close();
        if (api != null) {
            api.close();
        }
    }

    /**
     * Waits until a port serves no more, as one on an inherited socket does once its front-end has gone; where it has gone to another
     * process, as {@link #awaitSuccessor} does.
     */
    public void awaitEnd(final String name) throws InterruptedException {
        final Attached port;
        synchronized (this) {
            port = attached.get(name);
        }
        if (port != null) {
            port.link().awaitEnd();
        }
        if (isHandedOver()) {
            awaitSuccessor();
        }
    }

    /** Whether another process has taken over. */
    public synchronized boolean isHandedOver() {
        return handedOver;
    }

    /** Whether another process has taken over, and failed. */
    public boolean isLost() {
        return lost;
    }

    private void close(final Attached port) {
        port.link().close();
        datapath.remove(port.port());
    }
}
