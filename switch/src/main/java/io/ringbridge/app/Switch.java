package io.ringbridge.app;

import io.ringbridge.api.CaptureControl;
import io.ringbridge.api.ConfigControl;
import io.ringbridge.api.EventControl;
import io.ringbridge.api.FdbControl;
import io.ringbridge.api.InterruptionControl;
import io.ringbridge.api.LatencyControl;
import io.ringbridge.api.LogControl;
import io.ringbridge.api.MirrorControl;
import io.ringbridge.api.MonitoringControl;
import io.ringbridge.api.PortControl;
import io.ringbridge.api.SwitchControl;
import io.ringbridge.api.TraceControl;
import io.ringbridge.api.UpgradeControl;
import io.ringbridge.api.WorkerControl;
import io.ringbridge.app.diagnosis.PortMonitor;
import io.ringbridge.config.Config;
import io.ringbridge.config.PortConfig;
import io.ringbridge.control.event.Events;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.port.Port;
import org.jspecify.annotations.Nullable;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A running switch: a datapath, its {@link Ports}, its {@link Upgrade}, and the API if it was opened. Any thread may
 * call.
 */
public final class Switch implements SwitchControl, AutoCloseable {
    private final Settings settings;
    private final Datapath datapath;
    private final Events events = new Events();
    private final Observer observer = new Observer();
    private final PortMonitor monitor;
    private final Rates rates = new Rates();
    private final Ports ports;
    private final Fdb fdb;
    private final Traces traces;
    private final Captures captures;
    private final ApiEndpoint api;
    private final HttpEndpoint http;
    private final Monitoring monitoring;
    private final Upgrade upgrade;
    private final Configuration configuration;
    private final LogControl log;
    private boolean closed;

    private Switch(final Config config, final Datapath datapath) {
        settings = new Settings(config, datapath);
        this.datapath = datapath;
        monitor = new PortMonitor(datapath, events);
        ports = new Ports(datapath, events, config.state().directory().map(StateDirectory::new), monitor, rates);
        fdb = new Fdb(ports, datapath);
        traces = new Traces(ports, datapath);
        captures = new Captures(ports, datapath);
        api = new ApiEndpoint(this, config.api().access());
        http = new HttpEndpoint(config.http(), this);
        monitoring = new Monitoring(datapath, ports);
        upgrade = new Upgrade(settings::now, datapath, events, ports, api, http);
        configuration = new Configuration(settings, ports, api);
        log = new LogSettings(() -> ports.configs().stream().map(PortConfig::name).toList());
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
        datapath.run(new WorkerWatch(events));
        observer.repeat(PortMonitor.PERIOD, () -> monitor.examine(System.nanoTime()));
        observer.repeat(Rates.PERIOD, () -> rates.sample(datapath.ports(), System.nanoTime()));
        observer.repeat(StateDirectory.PERIOD, ports::tendState);
    }

    Datapath datapath() {
        return datapath;
    }

    /** Returns the ports for other processes to take over. */
    Ports portSet() {
        return ports;
    }

    ApiEndpoint api() {
        return api;
    }

    /** Opens the ports of the configuration that are not open yet. */
    public void openPorts() {
        ports.open(settings.now().ports(), settings.now().mirrors());
    }

    /**
     * Opens the ports of the configuration that are not open yet, without its mirrors. Front-ends wait for
     * {@link Ports#serve}.
     */
    void bindPorts() {
        ports.bind(settings.now().ports());
    }

    /** Returns the API's socket if the configuration names one. */
    public Optional<Path> configuredApi() {
        return settings.now().api().socket();
    }

    /** Opens the API. A socket that another process uses is left alone and is an error. */
    public void openApi(final Path socket) {
        api.open(socket);
    }

    /** Opens the API over TCP, if it is configured. */
    public void openHttp() {
        http.open();
    }

    HttpEndpoint http() {
        return http;
    }

    /** Logs the API's socket and its address over TCP, if there are any. */
    public void logApi() {
        api.log();
        http.log();
    }

    @Override
    public PortControl ports() {
        return ports;
    }

    @Override
    public TraceControl traces() {
        return traces;
    }

    @Override
    public CaptureControl captures() {
        return captures;
    }

    @Override
    public MirrorControl mirrors() {
        return new Mirrors(ports);
    }

    @Override
    public FdbControl fdb() {
        return fdb;
    }

    @Override
    public WorkerControl workers() {
        return () -> datapath.workers().stream().map(Views::worker).toList();
    }

    @Override
    public LatencyControl latency() {
        return port -> Measurements.latency(settings.now().latencySample(), measured(port));
    }

    @Override
    public InterruptionControl interruptions() {
        return port -> Measurements.interruptions(measured(port));
    }

    private List<Port> measured(final @Nullable String port) {
        return port == null ? datapath.ports() : List.of(ports.named(port).port());
    }

    @Override
    public EventControl events() {
        return new EventFeed(events);
    }

    @Override
    public LogControl log() {
        return log;
    }

    @Override
    public ConfigControl config() {
        return configuration;
    }

    @Override
    public MonitoringControl monitoring() {
        return monitoring;
    }

    @Override
    public UpgradeControl upgrades() {
        return upgrade;
    }

    /**
     * Sets the source of the configuration for reloads.
     *
     * @param file the configuration file
     * @param source reads the file again, and applies the options of the command line
     */
    public void configuredBy(final Path file, final Supplier<Config> source) {
        configuration.from(file, source);
    }

    /**
     * Sets the command that starts a new process for an upgrade.
     *
     * @param command returns the command line for the path of a program; null stands for the program of this process
     */
    public void startedBy(final Function<@Nullable String, List<String>> command) {
        upgrade.startedBy(command);
    }

    /**
     * Hands all ports to another process once that has warmed up, within {@link UpgradeControl#LIMIT}, and
     * relinquishes them.
     *
     * @throws HandOverException if the hand-over failed; this process serves the ports as before
     * @throws SwitchException if the other process failed after it had taken over
     */
    public HandOverResult handOver(final StateSocket to) {
        return handOver(to, UpgradeControl.LIMIT);
    }

    /**
     * Hands all ports to another process once that has warmed up, and relinquishes them.
     *
     * @param limit the time that the other process may take to warm up
     * @throws HandOverException if the hand-over failed; this process serves the ports as before
     * @throws SwitchException if the other process failed after it had taken over
     */
    public HandOverResult handOver(final StateSocket to, final Duration limit) {
        return upgrade.handOver(to, limit);
    }

    /** Waits until another process has taken over, and the client that requested the upgrade has its answer. */
    public void awaitSuccessor() throws InterruptedException {
        upgrade.awaitSuccessor();
    }

    /**
     * Waits until a port ends, as a port on an inherited socket does once its front-end has disconnected. If the port
     * was handed over, waits like {@link #awaitSuccessor}.
     */
    public void awaitEnd(final String name) throws InterruptedException {
        ports.awaitEnd(name);
        if (isHandedOver()) {
            awaitSuccessor();
        }
    }

    /** Whether another process has taken over. */
    public boolean isHandedOver() {
        return ports.isHandedOver();
    }

    /** Whether another process has taken over and then failed. */
    public boolean isLost() {
        return upgrade.isLost();
    }

    /**
     * Ends every session, removes the sockets, and stops the workers. Ports that were handed over are left alone.
     * Returns once everything is closed, also if another thread closes the switch.
     */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        observer.close();
        ports.close();
        datapath.close();
        api.close();
        http.close();
    }
}
