package io.ringbridge.cli;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.ApiServer;
import io.ringbridge.api.ApiSocket;
import io.ringbridge.app.LogFormat;
import io.ringbridge.app.Logging;
import io.ringbridge.app.ServiceManager;
import io.ringbridge.app.Switch;
import io.ringbridge.app.SwitchException;
import io.ringbridge.app.TakeOver;
import io.ringbridge.app.demo.Rehearsal;
import io.ringbridge.app.demo.WarmUp;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigException;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.GuestPortConfig;
import io.ringbridge.config.MirrorConfig;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.Quantity;
import io.ringbridge.config.State;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.TransportException;
import io.ringbridge.datapath.os.Umask;
import io.ringbridge.datapath.worker.PollMode;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

/** Runs a switch. */
@Command(name = "run", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Runs a switch until SIGTERM or SIGINT. Options override the configuration file; --port adds to its "
        + "ports.%n")
final class RunCommand implements Callable<Integer> {
    private static final List<String> NOTES = List.of(
        "",
        "The configuration file has the keys workers, cpus, poll,",
        "api: {socket: PATH}, http: {listen: [ADDRESS:]PORT, token: TOKEN},",
        "fdb: {capacity: N, ageing: TIME}, recorder: {frames: N}, latency: {sample: N},",
        "state: DIR|none and ports: a list of ports with the keys above. Missing",
        "directories of sockets below /run are created.",
        "",
        "SIGTERM and SIGINT end the switch; SIGHUP reloads the configuration file, as",
        "\"ringbridge reload\" does.",
        "",
        "Exit status: 0 after SIGTERM or SIGINT, 1 failure, 2 wrong usage or",
        "configuration, 70 a worker ended unexpectedly: a supervisor should restart",
        "the switch, and guests reconnect by themselves.",
        "",
        "Examples:",
        "  ringbridge run --config switch.yaml",
        "  ringbridge run --port name=vm1,socket=/tmp/vm1.sock \\",
        "                 --port name=vm2,socket=/tmp/vm2.sock,queues=4 --cpus 1",
        "  ringbridge run --port name=vm1,socket=/tmp/vm1.sock \\",
        "                 --port name=up,type=tap,device=tap0,master=br0",
        "  ringbridge run --socket-path=/tmp/net.sock",
        "      serve a single port, like other vhost-user back-end programs");
    private static final int OTHERS = 0007;
    private static final Logger LOG = LoggerFactory.getLogger(RunCommand.class);
    private static final String SINGLE = "net";

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Option(names = "--config", paramLabel = "FILE", description = "Configuration file, YAML or JSON.")
    private @Nullable Path file;

    @Option(names = "--port", paramLabel = "SPEC", description = "A port, as described below; can be repeated.")
    private List<String> ports = new ArrayList<>();

    @Option(names = "--workers", paramLabel = "N",
        description = "Number of datapath threads, 1 to 64; one per processor in --cpus, or else 1, if not given.")
    private @Nullable Integer workers;

    @Option(names = "--cpus", paramLabel = "LIST",
        description = "Pin the workers to these processors, one per worker; for example 1,3-5.")
    private @Nullable String cpus;

    @Option(names = "--poll", paramLabel = "busy|adaptive",
        description = "Behaviour of idle workers: busy spins, adaptive sleeps after a while; adaptive if not given.")
    private @Nullable PollMode poll;

    @Option(names = "--api", paramLabel = "PATH", description = {
        "Socket for the other commands. If not given:",
        "/run/ringbridge/api.sock, or else",
        "$XDG_RUNTIME_DIR/ringbridge/api.sock."})
    private @Nullable Path api;

    @Option(names = "--state", paramLabel = "DIR|none", description = {
        "Directory for the state that the next start needs, even after a crash (attachments and positions of "
            + "packed rings), or none to keep no state. If not given:",
        "/run/ringbridge/state, or else",
        "$XDG_RUNTIME_DIR/ringbridge/state."})
    private @Nullable String state;

    @Option(names = "--socket-path", paramLabel = "PATH",
        description = "Serve one front-end that connects to this socket; excludes --config and --port.")
    private @Nullable String socketPath;

    @Option(names = "--fd", paramLabel = "N",
        description = "Serve one front-end on this connected socket, an inherited descriptor; excludes --config and "
            + "--port.")
    private @Nullable Integer descriptor;

    @Option(names = Relaunch.UPGRADE_FROM, paramLabel = "PATH", hidden = true,
        description = "Take over from the process that listens on this socket.")
    private @Nullable Path upgradeFrom;

    @Option(names = "--rehearse", hidden = true,
        description = "Warm up, attach embedded guests, hand them over, and exit; creates a class cache.")
    private boolean rehearse;

    @Option(names = "--check", description = "Check the options and the configuration file, and exit.")
    private boolean check;

    @Option(names = "--log-format", paramLabel = "text|json",
        description = "Format of the log on standard error; text if not given.")
    private @Nullable LogFormat logFormat;

    @Option(names = {"-v", "--verbose"}, description = "Log debug messages.")
    private boolean verbose;

    /** Returns the model of the command. */
    static CommandLine.Model.CommandSpec spec() {
        final CommandLine.Model.CommandSpec spec =
            CommandLine.Model.CommandSpec.forAnnotatedObject(new RunCommand());
        spec.usageMessage().footerHeading("%n")
            .footer(Stream.concat(PortHelp.lines().stream(), NOTES.stream()).toArray(String[]::new));
        return spec;
    }

    @Override
    public Integer call() throws InterruptedException {
        if (logFormat != null) {
            Logging.format(logFormat);
        }
        if (verbose) {
            Logging.verbose();
        }
        if (check) {
            return check();
        }
        Umask.withhold(OTHERS); // before the first file, and the first thread
        Signals.handle();
        if (api != null || !isSingle()) {
            ApiServer.preload();
        }
        final Switch running = upgradeFrom == null ? Switch.start(config()) : takeOver(upgradeFrom);
        final Ending ending = Ending.onSignal(running);
        if (upgradeFrom == null) {
            open(running, ending);
        } else {
            allowReloads(running);
        }
        ServiceManager.ready();
        if (rehearse) {
            Rehearsal.run();
        } else if (descriptor == null) {
            running.awaitSuccessor();
        } else {
            running.awaitEnd(SINGLE);
        }
        LOG.info("shutting down: {}", running.isLost() ? "another process took over and then failed"
            : rehearse ? "the rehearsal is complete" : running.isHandedOver() ? "another process has taken over"
            : "the front-end has disconnected");
        ending.cancel();
        running.close();
        return running.isLost() ? CommandLine.ExitCode.SOFTWARE : CommandLine.ExitCode.OK;
    }

    private int check() {
        final Config config = config();
        for (final PortConfig port : config.ports()) {
            if (port instanceof final GuestPortConfig guest && guest.path().isPresent()) {
                checkAccess(guest, guest.path().get());
            }
        }
        final PrintWriter out = spec.commandLine().getOut();
        out.println("the configuration is valid: " + Quantity.of(config.ports().size(), "port") + ", "
            + Quantity.of(config.workers(), "worker"));
        out.flush();
        return CommandLine.ExitCode.OK;
    }

    private static void checkAccess(final GuestPortConfig port, final Path socket) {
        try {
            port.access().check(socket);
        } catch (final TransportException e) {
            throw new ConfigException("port " + port.name() + ": " + e.getMessage());
        }
    }

    /** Returns the command line of a new process for an upgrade; {@code program} may be null. */
    private List<String> command(final @Nullable String program) {
        return Relaunch.command(program, spec.root().commandLine().getParseResult().originalArgs());
    }

    private void open(final Switch running, final Ending ending) throws InterruptedException {
        try {
            running.startedBy(this::command);
            openAndWarmUp(running);
            allowReloads(running); // before the line that says that the switch runs
            LOG.info("running with {}", sizeOf(running));
        } catch (final RuntimeException e) {
            ending.cancel();
            running.close();
            throw e;
        }
    }

    private void allowReloads(final Switch running) {
        if (file != null) {
            running.configuredBy(file, this::config);
            Signals.reloadOnHangup(running);
        }
    }

    private void openAndWarmUp(final Switch running) throws InterruptedException {
        final Optional<WarmUp> warmUp = WarmUp.prepare();
        try {
            openApi(running); // first, so that the API is there once a port's socket is
            running.openHttp();
            running.openPorts();
            running.logApi();
        } catch (final RuntimeException e) {
            warmUp.ifPresent(WarmUp::close);
            throw e;
        }
        // The warm-up starts last, so that guests do not have to wait for the sockets.
        final Optional<Thread> warming = warmUp.map(WarmUp::begin);
        if (rehearse && warming.isPresent()) {
            warming.get().join();
        }
    }

    private Switch takeOver(final Path place) {
        try (StateSocket from = new StateSocket(Connection.connect(place))) {
            final Config config;
            try {
                config = config();
                Rehearsal.run();
            } catch (final RuntimeException e) {
                TakeOver.refuse(from, e);
                throw e;
            }
            final Switch running = TakeOver.run(config, from, this::command);
            LOG.info("running with {}, taken over from another process", sizeOf(running));
            return running;
        } catch (final IOException e) {
            throw new SwitchException(Relaunch.UPGRADE_FROM + " " + place + ": " + e.getMessage(), e);
        }
    }

    private static String sizeOf(final Switch running) {
        return Quantity.of(running.ports().views().size(), "port") + " and "
            + Quantity.of(running.workers().views().size(), "worker");
    }

    /** Whether this process serves a single front-end, like other vhost-user back-end programs. */
    private boolean isSingle() {
        return socketPath != null || descriptor != null;
    }

    private Config config() {
        if (isSingle() && (file != null || !ports.isEmpty() || (socketPath != null && descriptor != null))) {
            throw new CommandLine.ParameterException(spec.commandLine(),
                "--socket-path and --fd exclude each other, --config and --port");
        }
        if (socketPath != null) {
            return single(ConfigReader.parseSingle("--socket-path", SINGLE, socketPath));
        }
        if (descriptor != null) {
            return single(atDescriptor(descriptor));
        }
        final Config config = override(file == null ? Config.DEFAULT : ConfigReader.readForHere(file));
        if (ports.isEmpty()) {
            MirrorConfig.checkTogether(String.valueOf(file), config.ports(), config.mirrors());
            return config;
        }
        final List<PortConfig> all = new ArrayList<>(config.ports());
        ports.forEach(port -> all.add(ConfigReader.parsePort("--port " + port, port)));
        ConfigReader.checkTogether("--port", all);
        MirrorConfig.checkTogether(String.valueOf(file), all, config.mirrors());
        return config.withPorts(all);
    }

    private Config single(final PortConfig port) {
        return override(Config.DEFAULT.withPorts(List.of(port)));
    }

    private PortConfig atDescriptor(final int socket) {
        if (upgradeFrom != null) {
            return GuestPortConfig.inherited(SINGLE, socket); // the old process sends the socket
        }
        String target = "not open";
        try {
            target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + socket)).toString();
        } catch (IOException _) {
            // The descriptor is not open, as the message below says.
        }
        if (!target.startsWith("socket:")) {
            throw new ConfigException(
                "--fd: descriptor " + socket + " is " + target + "; a connected Unix socket is required");
        }
        return GuestPortConfig.inherited(SINGLE, socket);
    }

    private Config override(final Config base) {
        Config config = base;
        if (poll != null) {
            config = config.withPoll(poll);
        }
        if (api != null) {
            ApiSocket.checkPath(api);
            config = config.withApi(api);
        }
        if (state != null) {
            config = config.withState(State.parse(state));
        }
        if (descriptor == null && !rehearse && !check) { // otherwise, no front-end can reconnect
            config = Switch.placeState(config, ApiSocket.places(System.getenv()));
        }
        final List<Integer> pinned = cpus == null ? config.cpus() : ConfigReader.parseCpusForHere("--cpus", cpus);
        final int threads = workers != null ? workers : cpus != null ? pinned.size() : config.workers();
        if (threads < 1 || threads > Config.MAX_WORKERS) {
            throw new ConfigException("--workers: " + threads + " is out of range; 1 to " + Config.MAX_WORKERS
                + " is allowed");
        }
        if (!pinned.isEmpty() && pinned.size() != threads) {
            throw new ConfigException("--cpus: " + Quantity.of(pinned.size(), "processor") + " for "
                + Quantity.of(threads, "worker") + "; one per worker is needed");
        }
        return config.withWorkers(threads, pinned);
    }

    /**
     * Opens the API. If the API is configured, failure to open it is an error. A process that serves a single front-end
     * has no API unless one is configured.
     */
    private void openApi(final Switch running) {
        final Optional<Path> place = running.configuredApi();
        if (place.isPresent()) {
            running.openApi(place.get());
            return;
        }
        if (isSingle()) {
            return;
        }
        final List<Path> places = ApiSocket.places(System.getenv());
        try {
            ApiSocket.writable(places).ifPresentOrElse(running::openApi,
                () -> LOG.warn("no API: none of {} is writable; choose another socket with --api PATH", places));
        } catch (final ApiException e) {
            LOG.warn("no API: {}; choose another socket with --api PATH", e.getMessage());
        }
    }
}
