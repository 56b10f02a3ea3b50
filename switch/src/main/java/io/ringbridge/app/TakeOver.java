package io.ringbridge.app;

import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortConfig.Attachment;
import io.ringbridge.control.Link;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.handover.Step;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.worker.Datapath;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The new process's side of an upgrade; {@link HandOver} is the other, and tells in which order. Used by one thread. */
final class TakeOver {
    private static final Logger LOG = LoggerFactory.getLogger(TakeOver.class);

    private final Config config;
    private final StateSocket from;
    private final List<Offered> offered = new ArrayList<>();
    private final Map<Integer, Port> byOldIndex = new HashMap<>();
    private final List<Link> links = new ArrayList<>();
    private final Function<String, List<String>> command;
    private Path oldApi;
    private Path api;

    /** A port of the old process: what it was there, and what it is to be. */
    private record Offered(PortConfig config, int index, boolean added) {
    }

    TakeOver(final Config config, final StateSocket from, final Function<String, List<String>> command) {
        this.config = config;
        this.from = from;
        this.command = command;
    }

    /**
     * Takes everything over; returns when frames move.
     *
     * @throws RuntimeException when that fails, and the old process is to go on; everything is let go
     */
    Switch run() {
        from.send(Step.READY, new StateWriter().wide(ProcessHandle.current().pid()));
        final List<StateReader> ports = new ArrayList<>();
        final Switch running;
        try {
            try (StateReader in = from.await(Step.SWITCH)) {
                read(in);
            }
            // All is read before any of it is worked on: the old process does not wait long for room in the socket.
            for (int i = 0; i < offered.size(); i++) {
                ports.add(from.await(Step.PORT));
            }
            try (StateReader stations = from.await(Step.STATIONS)) {
                running = run(ports, stations);
            }
        } finally {
            ports.forEach(StateReader::close);
        }
        // With no worker there yet, all this is done on this thread, which is to wait for nobody while frames stand.
        final long taken = System.nanoTime();
        links.forEach(link -> alone(link::begin));
        byOldIndex.values().forEach(port -> alone(() -> port.resume(SuspendCause.UPGRADE)));
        running.run();
        running.servePorts();
        final long moving = System.nanoTime();
        LOG.debug("frames move {} us after the old process let go", TimeUnit.NANOSECONDS.toMicros(moving - taken));
        running.startedBy(command);
        running.placeApi(api); // before anybody can be told that it is done, and ask for more
        tell(new StateWriter().wide(moving));
        return running;
    }

    /** Makes a switch that has everything, and waits to be told that it is its own. */
    private Switch run(final List<StateReader> ports, final StateReader stations) {
        final Switch running = Switch.prepare(config);
        try {
            prepare(running, ports, stations);
            from.send(Step.PREPARED);
            try (StateReader in = from.await(Step.POSITIONS)) {
                links.forEach(link -> link.restorePositions(in));
                learn(in, running.datapath());
            }
            from.send(Step.TAKEN);
            from.await(Step.GO).close();
        } catch (final RuntimeException | InternalError e) { // the latter where a guest has cut its memory
            links.forEach(TakeOver::letGo);
            running.close();
            throw e instanceof final RuntimeException known ? known
                : new HandOverException("a front-end has cut memory that was handed over", e);
        }
        return running;
    }

    private void read(final StateReader in) {
        final Map<String, PortConfig> before = ConfigReader.parse("the running switch", in.text()).ports().stream()
            .collect(Collectors.toMap(PortConfig::name, Function.identity()));
        final Map<String, PortConfig> now = config.ports().stream().collect(Collectors.toMap(PortConfig::name, Function.identity()));
        oldApi = Optional.of(in.text()).filter(path -> !path.isEmpty()).map(Path::of).orElse(null);
        api = config.api().orElse(oldApi);
        final Set<Integer> indices = new HashSet<>();
        for (int left = in.count(Datapath.MAX_PORTS); left > 0; left--) {
            final String name = in.text();
            final int index = in.count(Datapath.MAX_PORTS - 1);
            final boolean added = in.flag();
            final int descriptor = in.number();
            final PortConfig old = descriptor == HandOver.NO_DESCRIPTOR ? before.get(name)
                : PortConfig.single(name, new Attachment.Descriptor(descriptor));
            if (old == null || !indices.add(index)) {
                throw new HandOverException("port " + name + " is told of twice, or without its configuration");
            }
            offered.add(new Offered(fitting(old, now.get(name), added), index, added && !now.containsKey(name)));
        }
        in.end();
        final List<PortConfig> together = new ArrayList<>(offered.stream().map(Offered::config).toList());
        final Set<String> names = together.stream().map(PortConfig::name).collect(Collectors.toSet());
        config.ports().stream().filter(port -> !names.contains(port.name())).forEach(together::add);
        ConfigReader.checkTogether("upgrade", together);
    }

    /** What a port is to be: as the configuration has it now, where that can be without its front-end noticing. */
    private static PortConfig fitting(final PortConfig old, final PortConfig now, final boolean added) {
        if (now == null && added) {
            return old;
        }
        if (now == null) {
            throw new HandOverException("port " + old.name() + " is not in the configuration any more; an upgrade takes all ports over, "
                + "and port remove " + old.name() + " removes it before");
        }
        if (!now.attachment().equals(old.attachment()) || now.queues() != old.queues()) {
            throw new HandOverException("port " + old.name() + " is " + said(now) + " with " + now.queues()
                + " queue pairs in the configuration, and " + said(old) + " with " + old.queues()
                + " in the running switch; socket, its mode and permissions, and queues have to stay, of a tap or pcap port all but mtu");
        }
        return now;
    }

    private static String said(final PortConfig port) {
        return PortConfig.VHOST_USER.equals(port.type()) ? port.mode() + " " + port.socket() : port.type() + " " + port.place();
    }

    private void prepare(final Switch running, final List<StateReader> ports, final StateReader stations) {
        running.prepareState();
        for (int i = 0; i < offered.size(); i++) {
            final Offered port = offered.get(i);
            byOldIndex.put(port.index(), running.adopt(port.config(), port.added(), ports.get(i)));
            links.add(running.named(port.config().name()).link());
        }
        learn(stations, running.datapath());
        running.bindPorts();
        if (api != null) {
            running.openApiBeside(api, api.equals(oldApi));
        }
    }

    private void learn(final StateReader in, final Datapath datapath) {
        while (in.flag()) {
            final long key = in.wide();
            final Port port = byOldIndex.get(in.number());
            final int age = in.number();
            if (port == null || age < -1) {
                throw new HandOverException("a station is behind a port that there is not, or of an age that cannot be");
            }
            datapath.know(key, port.index(), age);
        }
        in.end();
    }

    /** From here on there is no way back: what cannot be started is reported, and the others go on. */
    private static void alone(final Runnable start) {
        try {
            start.run();
        } catch (final RuntimeException | InternalError e) { // the latter where a guest has cut its memory
            LOG.error("a port that was taken over cannot go on: {}", e.toString(), e);
        }
    }

    private static void letGo(final Link link) {
        try {
            link.letGo();
        } catch (final RuntimeException e) {
            LOG.warn("what was not taken over was not let go in good order: {}", e.getMessage());
        }
    }

    private void tell(final StateWriter state) {
        try {
            from.send(Step.SERVING, state);
        } catch (final HandOverException e) {
            LOG.debug("the old process has gone already: {}", e.getMessage());
        }
    }
}
