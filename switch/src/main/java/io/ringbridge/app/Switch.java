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
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.UplinkPort;
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

/** A running switch: a datapath, its ports, and the API if it was opened. Any thread may call. */
public final class Switch implements SwitchControl, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Switch.class);
    private static final int NOT_FOUND = 404;
    private static final int CONFLICT = 409;
    private static final int FAILED = 500;
    private static final double NANOS_PER_MILLI = 1e6;

    private final Config config;
    private final Datapath datapath;
    private final Fdb fdb;
    /** Null if no state is kept. */
    private final StateDirectory state;
    private final Reunion reunion;
    private final Observer observer = new Observer();
    private final Diagnoses diagnoses;
    private final Map<String, Attached> attached = new LinkedHashMap<>();
    private final AtomicBoolean upgrading = new AtomicBoolean();
    /** Open once another process serves and the client that requested the upgrade has its answer. */
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
     * Chooses the state directory of a configuration that names none: beside the default socket of the API. If no place
     * is writable, no state is kept, and a warning is logged.
     *
     * @param apiSockets the default sockets of the API, the preferred one first
     */
    public static Config placeState(final Config config, final List<Path> apiSockets) {
        return StateDirectory.place(config, apiSockets);
    }

    /** Starts the workers. {@link #openPorts} opens the ports of the configuration. */
    public static Switch start(final Config config) {
        final Switch made = prepare(config);
        made.run();
        return made;
    }

    /** Creates a switch whose workers start in {@link #run}. */
    static Switch prepare(final Config config) {
        try {
            return new Switch(config, Datapath.prepare(config.datapath()));
        } catch (final RuntimeException e) {
            throw new SwitchException("cannot start the workers: " + e.getMessage(), e);
        }
    }

    void run() {
        datapath.run(new WorkerWatch());
        observer.repeat(Diagnoses.PERIOD, () -> diagnoses.examine(System.nanoTime()));
        if (state != null) {
            observer.repeat(StateDirectory.PERIOD, this::tendState);
        }
    }

    /**
     * Takes over the ports of another process, which runs a {@link #handOver} at the other end of a connection. Returns
     * once this process forwards frames.
     *
     * @param config may have additional ports, and may differ in settings that no front-end can notice
     * @param command as for {@link #startedBy}
     * @throws RuntimeException if that failed; the reason was sent to the other process, which resumes
     */
    public static Switch takeOver(final Config config, final StateSocket from,
                                  final Function<String, List<String>> command) {
        try {
            return new TakeOver(config, from, command).run();
        } catch (final RuntimeException e) {
            refuse(from, e);
            throw e;
        }
    }

    /** Sends the reason why this process does not take over to the old process. */
    public static void refuse(final StateSocket from, final RuntimeException why) {
        try {
            from.refuse(String.valueOf(why.getMessage()).lines().findFirst().orElse("no reason"));
        } catch (final HandOverException e) {
            LOG.debug("cannot send the reason to the old process: {}", e.getMessage());
        }
    }

    /** Opens the ports of the configuration that are not open yet. */
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

    /** Opens the ports of the configuration that are not open yet. Front-ends wait for {@link #servePorts}. */
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

    /** Refreshes the state directories of the present ports, and removes stale ones. */
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

    /** Returns the API's socket if the configuration names one. */
    public Optional<Path> configuredApi() {
        return config.api();
    }

    /** Opens the API. A socket that another process uses is left alone and is an error. */
    public synchronized void openApi(final Path socket) {
        if (!closed) {
            api = ApiServer.start(socket, this);
        }
    }

    /** Logs the API's socket, if there is one. */
    public synchronized void logApi() {
        if (api != null) {
            LOG.info("API on {}", api.socket());
        }
    }

    /**
     * Opens the API at a temporary path beside its socket, from which {@link #placeApi} moves it.
     *
     * @param taken whether the old process has the socket; otherwise the path has to be free
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

    /** Moves the API to its socket and replaces that of the old process; {@code socket} is null if there is no API. */
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
        LOG.info("port {}: {} {}, {} queue pairs, mtu {}{}", port.name(), port.mode(), port.socket(), port.queues(),
            port.mtu(), Views.vlan(port));
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
        final UplinkPort added =
            datapath.addUplinkPort(port.name(), port.queues(), PortConfig.DEFAULT_MTU, port.vlan());
        attach(port, whileRunning, added, () -> TapLink.start(added, options));
        LOG.info("port {}: tap {}, {} queues, mtu {}{}", port.name(), options.device(), port.queues(), added.mtu(),
            Views.vlan(port));
    }

    private void open(final PortConfig port, final boolean whileRunning, final PcapOptions options) {
        final UplinkPort added =
            datapath.addUplinkPort(port.name(), port.queues(), PortConfig.DEFAULT_MTU, port.vlan());
        attach(port, whileRunning, added,
            () -> options.device() == null ? PcapLink.start(added, options) : InterfaceLink.start(added, options));
        LOG.info("port {}: pcap{}{}{}{}", port.name(),
            options.device() == null ? "" : ", interface " + options.device(),
            options.read() == null ? "" : ", replays " + options.read(),
            options.write() == null ? "" : ", records to " + options.write(), Views.vlan(port));
    }

    private void attach(final PortConfig port, final boolean whileRunning, final Port added,
                        final Supplier<Link> link) {
        added.relayGroups(port.groupForward());
        try {
            attached.put(port.name(), new Attached(port, added, link.get(), whileRunning));
        } catch (final RuntimeException e) {
            datapath.remove(added);
            throw new SwitchException("port " + port.name() + ": " + e.getMessage(), e);
        }
    }

    /** Adds a port that the old process still serves; the port is suspended here. */
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
        checkNotHandedOver();
        final PortConfig port = ConfigReader.parsePort("port add", spec);
        final List<PortConfig> together = new ArrayList<>(attached.values().stream().map(Attached::config).toList());
        together.add(port);
        ConfigReader.checkTogether("port add", together);
        if (together.size() > Datapath.MAX_PORTS) {
            throw new ApiException(CONFLICT,
                "there are already " + attached.size() + " ports; at most " + Datapath.MAX_PORTS + " are allowed");
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

    private void checkNotHandedOver() {
        if (handedOver) {
            throw new ApiException(CONFLICT, "another process has taken over this switch; try again");
        }
    }

    private GuestPort guest(final String name) {
        final Attached port = named(name);
        if (port.port() instanceof final GuestPort guest) {
            return guest;
        }
        throw new ApiException(CONFLICT, "port " + name + " is of type " + port.config().type()
            + "; only ports of type " + PortConfig.VHOST_USER + " can be suspended");
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

    /** Runs an action on the ports of this switch, or throws if another process has taken them over. */
    synchronized <T> T ifServing(final Supplier<T> action) {
        checkNotHandedOver();
        return action.get();
    }

    @Override
    public List<WorkerView> workers() {
        return datapath.workers().stream().map(Views::worker).toList();
    }

    @Override
    public synchronized ConfigView config() {
        return Views.config(config, attached.values().stream().map(Attached::config).toList(),
            api == null ? null : api.socket());
    }

    /**
     * Sets the command that starts a new process for an upgrade.
     *
     * @param command returns the command line for the path of a program; null stands for the program of this process
     */
    public void startedBy(final Function<String, List<String>> command) {
        commands = command;
    }

    @Override
    public UpgradeView upgrade(final String program, final Duration limit) {
        final Function<String, List<String>> command = commands;
        if (command == null) {
            throw new ApiException(CONFLICT, "this switch is embedded in another program and cannot be upgraded");
        }
        if (!upgrading.compareAndSet(false, true)) {
            throw new ApiException(CONFLICT, "another upgrade is in progress");
        }
        try (Successor successor = Successor.start(command.apply(program), limit);
             StateSocket to = successor.awaitConnection()) {
            final Outcome outcome = handOver(to, successor.remaining());
            successor.release();
            ServiceManager.succeeded(outcome.pid());
            return new UpgradeView(outcome.pid(), outcome.ports(),
                outcome.nanos() < 0 ? null : outcome.nanos() / NANOS_PER_MILLI);
        } catch (final HandOverException e) {
            LOG.warn("the upgrade failed and this process keeps serving: {}", e.getMessage());
            throw new ApiException(FAILED, "the upgrade failed and the old process keeps serving: " + e.getMessage());
        } catch (final SwitchException e) {
            lost = true;
            LOG.error("{}; no process serves the ports, and this process ends", e.getMessage());
            throw new LastException(FAILED,
                e.getMessage() + "; no process serves the ports, and the switch ends: start it again");
        } finally {
            upgrading.set(isHandedOver());
        }
    }

    /**
     * Hands all ports to another process once that has warmed up, within {@link #UPGRADE_LIMIT}, and relinquishes them.
     *
     * @throws HandOverException if the hand-over failed; this process serves the ports as before
     * @throws SwitchException if the other process failed after it had taken over
     */
    public Outcome handOver(final StateSocket to) {
        return handOver(to, UPGRADE_LIMIT);
    }

    /**
     * Hands all ports to another process once that has warmed up, and relinquishes them.
     *
     * @param limit the time that the other process may take to warm up
     * @throws HandOverException if the hand-over failed; this process serves the ports as before
     * @throws SwitchException if the other process failed after it had taken over
     */
    public Outcome handOver(final StateSocket to, final Duration limit) {
        final long pid = HandOver.awaitReady(to, limit);
        return handOver(to, pid);
    }

    private synchronized Outcome handOver(final StateSocket to, final long pid) {
        if (closed || handedOver) {
            throw new HandOverException("the switch is shutting down");
        }
        final List<PortConfig> configured = attached.values().stream().map(Attached::config)
            .filter(port -> !(port.attachment() instanceof Attachment.Descriptor)).toList(); // these have no syntax
        final HandOver handing = new HandOver(to, datapath, List.copyOf(attached.values()));
        handing.run(Views.config(config, configured, null), api == null ? "" : api.socket().toString());
        handedOver = true;
        final long nanos = handing.awaitServing();
        LOG.info("handed over {} ports to process {}", attached.size(), pid);
        return new Outcome(pid, attached.size(), nanos);
    }

    @Override
    public void upgraded() {
        succeeded.countDown();
    }

    /** Waits until another process has taken over, and the client that requested the upgrade has its answer. */
    public void awaitSuccessor() throws InterruptedException {
        succeeded.await();
    }

    /**
     * Ends every session, removes the sockets, and stops the workers. Ports that were handed over are left alone.
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
        observer.close();
        attached.values().forEach(this::close);
        attached.clear();
        datapath.close();
        if (api != null) {
            api.close();
        }
    }

    /**
     * Waits until a port ends, as a port on an inherited socket does once its front-end has disconnected. If the port
     * was handed over, waits like {@link #awaitSuccessor}.
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

    /** Whether another process has taken over and then failed. */
    public boolean isLost() {
        return lost;
    }

    private void close(final Attached port) {
        port.link().close();
        datapath.remove(port.port());
    }
}
