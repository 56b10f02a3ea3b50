package io.ringbridge.cli;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.ApiServer;
import io.ringbridge.api.ApiSocket;
import io.ringbridge.app.Logging;
import io.ringbridge.app.ServiceManager;
import io.ringbridge.app.Switch;
import io.ringbridge.app.SwitchException;
import io.ringbridge.app.demo.Rehearsal;
import io.ringbridge.app.demo.WarmUp;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigException;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortConfig.Attachment;
import io.ringbridge.config.State;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.datapath.worker.PollMode;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;

/** Runs a switch. */
@Command(name = "run", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Runs a switch until SIGTERM or SIGINT. What the command line says comes before what the file says.%n",
    footer = {
        "",
        "SPEC is key=value,...: " + RunCommand.SPEC_KEYS,
        "The file is YAML with the same keys, and workers, cpus, poll, api: {socket}, fdb: {capacity, ageing},",
        "state: DIR|none, ports: [...]. Directories of sockets below /run are made.",
        "",
        "SIGTERM and SIGINT end the switch; SIGHUP is logged and ignored.",
        "",
        "Exit status: 0 after SIGTERM or SIGINT, 1 failed, 2 wrong usage or configuration, 70 a worker has",
        "ended: a supervisor is to start the switch again; guests attach again by themselves.",
        "",
        "Examples:",
        "  ringbridge run --config switch.yaml",
        "  ringbridge run --port name=vm1,socket=/tmp/vm1.sock \\",
        "                 --port name=vm2,socket=/tmp/vm2.sock,queues=4 --cpus 1",
        "  ringbridge run --port name=vm1,socket=/tmp/vm1.sock \\",
        "                 --port name=up,type=tap,device=tap0,master=br0",
        "  ringbridge run --socket-path=/tmp/net.sock",
        "      one port, as vhost-user back-end programs do"})
final class RunCommand implements Callable<Integer> {
    static final String SPEC_KEYS = "name, socket; and if need be type=vhost-user, mode=server|client, queues=1..128, mtu=68..65535, "
        + "permissions=0660, suspend-messages=true|false, suspend-feature-bit=43|42, "
        + "offloads=true|false|csum,,guest_csum,,..., mac=52:54:00:00:00:01, "
        + "inband=true, device-state=true, postcopy=true, iommu=true, cross-endian=true, memory=ram|any, log-base-reply=16|8, "
        + "disabled=discard|hold, "
        + "features=NAME+NAME. For the host's network: name, type=tap, device; and if need be queues, mtu, persist=true, master=BRIDGE, "
        + "up=false. For an interface or files: name, type=pcap, interface, and if need be direction=in|out|both, ring-size, snaplen; "
        + "or read, speed=recorded|full, write, snaplen. Of all types: vlan=1..4094 for frames without a tag, trunk=10+20-29|all for "
        + "frames with one, group-forward=lldp+802.1x|all for reserved groups that are relayed";
    private static final Logger LOG = LoggerFactory.getLogger(RunCommand.class);
    private static final String SINGLE = "net";

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Option(names = "--config", paramLabel = "FILE", description = "The configuration, YAML or JSON.")
    private Path file;

    @Option(names = "--port", paramLabel = "SPEC", description = "A port; may be given many times.")
    private List<String> ports = new ArrayList<>();

    @Option(names = "--workers", paramLabel = "N", description = "Datapath threads, 1 to 64; 1 if not given.")
    private Integer workers;

    @Option(names = "--cpus", paramLabel = "LIST", description = "Pin the workers to these processors, one each, such as 1,3-5.")
    private String cpus;

    @Option(names = "--poll", paramLabel = "busy|adaptive", description = "What idle workers do: spin, or sleep after a while; "
        + "adaptive if not given.")
    private PollMode poll;

    @Option(names = "--api", paramLabel = "PATH", description = "The socket that other commands talk to; "
        + "/run/ringbridge/api.sock or $XDG_RUNTIME_DIR/ringbridge/api.sock if not given.")
    private Path api;

    @Option(names = "--state", paramLabel = "DIR|none", description = "Where attachments and the positions of packed rings are kept, "
        + "for the next start after this process has ended, however it ended; "
        + "/run/ringbridge/state or $XDG_RUNTIME_DIR/ringbridge/state if not given.")
    private String state;

    @Option(names = "--socket-path", paramLabel = "PATH",
        description = "Serve one front-end that connects to this socket; no file, no --port.")
    private String socketPath;

    @Option(names = "--fd", paramLabel = "N", description = "Serve the one front-end at this connected socket; no file, no --port.")
    private Integer descriptor;

    @Option(names = Relaunch.UPGRADE_FROM, paramLabel = "PATH", hidden = true,
        description = "Take over from the process that listens here.")
    private Path upgradeFrom;

    @Option(names = "--rehearse", hidden = true,
        description = "Warm up, have embedded guests attach and be handed over, and end: for a class cache.")
    private boolean rehearse;

    @Option(names = {"-v", "--verbose"}, description = "Log what is of use in finding errors.")
    private boolean verbose;

    @Override
    public Integer call() throws InterruptedException {
        if (verbose) {
            Logging.verbose();
        }
        Signals.handle();
        if (api != null || !isSingle()) {
            ApiServer.preload();
        }
        final Switch running = upgradeFrom == null ? Switch.start(config()) : takeOver();
        final Ending ending = Ending.onSignal(running);
        if (upgradeFrom == null) {
            open(running, ending);
        }
        ServiceManager.ready();
        if (rehearse) {
            Rehearsal.run();
        } else if (descriptor == null) {
            running.awaitSuccessor();
        } else {
            running.awaitEnd(SINGLE);
        }
        LOG.info("ending: {}", running.isLost() ? "another process has taken over, and failed"
            : rehearse ? "the rehearsal is over" : running.isHandedOver() ? "another process has taken over"
            : "the front-end has gone");
        ending.cancel();
        running.close();
        return running.isLost() ? CommandLine.ExitCode.SOFTWARE : CommandLine.ExitCode.OK;
    }

    /** What is started in the place of this process, from a program's path or null. */
    private List<String> command(final String program) {
        return Relaunch.command(program, spec.root().commandLine().getParseResult().originalArgs());
    }

    private void open(final Switch running, final Ending ending) throws InterruptedException {
        try {
            running.startedBy(this::command);
            openAndWarmUp(running);
            LOG.info("running with {} ports and {} workers", running.ports().size(), running.workers().size());
        } catch (final RuntimeException e) {
            ending.cancel();
            running.close();
            throw e;
        }
    }

    private void openAndWarmUp(final Switch running) throws InterruptedException {
        final Optional<WarmUp> warmUp = WarmUp.prepare();
        try {
            openApi(running); // first: whoever finds a port's socket may count on the API
            running.openPorts();
            running.logApi();
        } catch (final RuntimeException e) {
            warmUp.ifPresent(WarmUp::close);
            throw e;
        }
        // After that, so that guests which wait for the sockets do not wait for it.
        final Optional<Thread> warming = warmUp.map(WarmUp::begin);
        if (rehearse && warming.isPresent()) {
            warming.get().join();
        }
    }

    private Switch takeOver() {
        try (StateSocket from = new StateSocket(Connection.connect(upgradeFrom))) {
            final Config config;
            try {
                config = config();
                Rehearsal.run();
            } catch (final RuntimeException e) {
                Switch.refuse(from, e);
                throw e;
            }
            final Switch running = Switch.takeOver(config, from, this::command);
            LOG.info("running with {} ports and {} workers, in the place of another process", running.ports().size(),
                running.workers().size());
            return running;
        } catch (final IOException e) {
            throw new SwitchException(Relaunch.UPGRADE_FROM + " " + upgradeFrom + ": " + e.getMessage(), e);
        }
    }

    /** Whether it is a back-end program for one front-end, as others are. */
    private boolean isSingle() {
        return socketPath != null || descriptor != null;
    }

    private Config config() {
        if (isSingle()) {
            if (file != null || !ports.isEmpty() || (socketPath != null && descriptor != null)) {
                throw new CommandLine.ParameterException(spec.commandLine(), "--socket-path, --fd, --config with --port: one of them");
            }
            return override(Config.DEFAULT.withPorts(List.of(socketPath != null ? atPath() : atDescriptor())));
        }
        final Config config = override(file == null ? Config.DEFAULT : ConfigReader.readForHere(file));
        if (ports.isEmpty()) {
            return config;
        }
        final List<PortConfig> all = new ArrayList<>(config.ports());
        ports.forEach(port -> all.add(ConfigReader.parsePort("--port " + port, port)));
        ConfigReader.checkTogether("--port", all);
        return config.withPorts(all);
    }

    private PortConfig atPath() {
        final PortConfig port = ConfigReader.parsePort("--socket-path", "name=" + SINGLE + ",socket=" + socketPath.replace(",", ",,"));
        return PortConfig.single(SINGLE, port.attachment());
    }

    private PortConfig atDescriptor() {
        if (upgradeFrom != null) {
            return PortConfig.single(SINGLE, new Attachment.Descriptor(descriptor)); // the process before this one hands it over
        }
        String target = "not open";
        try {
            target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
        } catch (IOException _) {
            // The message says so.
        }
        if (!target.startsWith("socket:")) {
            throw new ConfigException("--fd: descriptor " + descriptor + " is " + target + "; a connected Unix socket is needed");
        }
        return PortConfig.single(SINGLE, new Attachment.Descriptor(descriptor));
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
        if (descriptor == null && !rehearse) { // neither has a front-end that could come again
            config = Switch.placeState(config, ApiSocket.places(System.getenv()));
        }
        final List<Integer> pinned = cpus == null ? config.cpus() : ConfigReader.parseCpusForHere("--cpus", cpus);
        final int threads = workers != null ? workers : cpus != null ? pinned.size() : config.workers();
        if (threads < 1 || threads > Config.MAX_WORKERS) {
            throw new ConfigException("--workers: " + threads + " is out of range; 1 to " + Config.MAX_WORKERS
                + " is allowed");
        }
        if (!pinned.isEmpty() && pinned.size() != threads) {
            throw new ConfigException("--cpus: " + pinned.size() + " processors for " + threads + " workers; one for each is needed");
        }
        return config.withWorkers(threads, pinned);
    }

    /** An API that was asked for has to be; a back-end program that serves one front-end has none unless it was asked for. */
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
                () -> LOG.warn("no API: none of {} can be written; --api PATH names another place", places));
        } catch (final ApiException e) {
            LOG.warn("no API: {}; --api PATH names another place", e.getMessage());
        }
    }
}
