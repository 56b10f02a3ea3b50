package io.ringbridge.app;

import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.GuestPortConfig;
import io.ringbridge.config.MirrorConfig;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortKey;
import io.ringbridge.config.PortKey.Adoption;
import io.ringbridge.control.Link;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.SavedCounters;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateRecord;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.handover.Step;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.port.Mirror;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.port.SuspendCause;
import org.jspecify.annotations.Nullable;
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

/**
 * The new process's side of an upgrade: takes over the ports of the old process. {@link HandOver} is the other side and
 * shows the steps. Used by one thread.
 */
public final class TakeOver {
    private static final Logger LOG = LoggerFactory.getLogger(TakeOver.class);

    private final Config config;
    private final StateSocket from;
    private final List<Offered> offered = new ArrayList<>();
    private final Map<Integer, Port> byOldIndex = new HashMap<>();
    private final List<Link> links = new ArrayList<>();
    private final List<OfferedMirror> mirrors = new ArrayList<>();
    private final Map<String, PortStatistics> copies = new HashMap<>();
    private final @Nullable Function<@Nullable String, List<String>> command;
    private @Nullable Path oldApi;
    private @Nullable Path api;

    /**
     * A port of the old process.
     *
     * @param config the configuration of the port in this process
     * @param queues the number of queue pairs in the old process
     * @param index the index of the port in the old process
     * @param added as in {@link Attached}
     */
    private record Offered(PortConfig config, int queues, int index, boolean added) {
    }

    /**
     * A mirror of this process.
     *
     * @param added as in {@link MirrorSet.Running}
     */
    private record OfferedMirror(MirrorConfig config, boolean added) {
    }

    private TakeOver(final Config config, final StateSocket from,
                     final @Nullable Function<@Nullable String, List<String>> command) {
        this.config = config;
        this.from = from;
        this.command = command;
    }

    /**
     * Takes over the ports of another process, which runs a {@link Switch#handOver} at the other end of a connection.
     * Returns once this process forwards frames.
     *
     * @param config may have additional ports, and may differ in settings that no front-end can notice
     * @param command as for {@link Switch#startedBy}; null for a switch that cannot be upgraded
     * @throws RuntimeException if that failed; the reason was sent to the other process, which resumes
     */
    public static Switch run(final Config config, final StateSocket from,
                             final @Nullable Function<@Nullable String, List<String>> command) {
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

    /**
     * Takes over all ports. Returns once frames move.
     *
     * @throws RuntimeException if that failed; this process has relinquished the ports and the old one is to resume
     */
    private Switch run() {
        from.send(Step.READY, new StateWriter().section(HandOverSections.PROCESS,
            out -> out.wide(ProcessHandle.current().pid())));
        final List<StateRecord> ports = new ArrayList<>();
        final Switch running;
        try {
            try (StateRecord in = from.await(Step.SWITCH)) {
                read(in.sections(HandOverSections.CONFIGURATION, HandOverSections.PORT, HandOverSections.MIRROR));
            }
            // All messages are read before any is processed: the old process does not wait long for room in the socket.
            for (int i = 0; i < offered.size(); i++) {
                ports.add(from.await(Step.PORT));
            }
            try (StateRecord stations = from.await(Step.STATIONS)) {
                running = run(ports, stations);
            }
        } finally {
            ports.forEach(StateRecord::close);
        }
        // No worker runs yet, so this thread does all of it, and waits for no other thread while no frame moves.
        final long taken = System.nanoTime();
        links.forEach(link -> startOrReport(link::start));
        byOldIndex.values().forEach(port -> startOrReport(() -> port.resume(SuspendCause.UPGRADE)));
        mirrors.forEach(mirror -> startOrReport(() -> begin(mirror, running.portSet())));
        running.run();
        running.portSet().serve();
        final long moving = System.nanoTime();
        LOG.debug("frames move {} us after the old process sent GO", TimeUnit.NANOSECONDS.toMicros(moving - taken));
        if (command != null) {
            running.startedBy(command);
        }
        if (api != null) {
            running.api().place(api); // before the client has its answer and sends further requests
        }
        running.http().openSoon();
        sendServing(new StateWriter().section(HandOverSections.SERVING, out -> out.wide(moving)));
        return running;
    }

    /** Creates a switch with all ports, and waits for GO. */
    private Switch run(final List<StateRecord> ports, final StateRecord stations) {
        final Switch running = Switch.prepare(config);
        try {
            prepare(running, ports, stations);
            from.send(Step.PREPARED);
            try (StateRecord in = from.await(Step.POSITIONS)) {
                final Sections positions = in.sections(HandOverSections.POSITIONS, HandOverSections.STATIONS,
                    HandOverSections.MIRROR_COUNTERS);
                restore(positions.all(HandOverSections.POSITIONS));
                learn(positions, running.datapath());
                for (final StateReader mirror : positions.all(HandOverSections.MIRROR_COUNTERS)) {
                    copies.put(mirror.text(), SavedCounters.read(mirror));
                }
            }
            from.send(Step.TAKEN);
            from.await(Step.GO).close();
        } catch (final RuntimeException | InternalError e) { // InternalError if a guest has truncated its memory file
            links.forEach(TakeOver::relinquish);
            running.close();
            throw e instanceof final RuntimeException known ? known
                : new HandOverException("a front-end truncated a memory file during the hand-over", e);
        }
        return running;
    }

    private void restore(final List<StateReader> positions) {
        if (positions.size() != links.size()) {
            throw new HandOverException("the old process sent positions of " + positions.size() + " ports; expected "
                + links.size());
        }
        for (int i = 0; i < links.size(); i++) {
            links.get(i).restorePositions(positions.get(i));
        }
    }

    private void read(final Sections sections) {
        final StateReader configuration = sections.get(HandOverSections.CONFIGURATION);
        final Map<String, PortConfig> before = ConfigReader.parse("the running switch", configuration.text()).ports()
            .stream().collect(Collectors.toMap(PortConfig::name, Function.identity()));
        final Map<String, PortConfig> now =
            config.ports().stream().collect(Collectors.toMap(PortConfig::name, Function.identity()));
        oldApi = Optional.of(configuration.text()).filter(path -> !path.isEmpty()).map(Path::of).orElse(null);
        api = config.api().socket().orElse(oldApi);
        final Set<Integer> indices = new HashSet<>();
        for (final StateReader in : sections.all(HandOverSections.PORT)) {
            final String name = in.text();
            final int index = in.count(Datapath.MAX_PORTS - 1);
            final boolean added = in.flag();
            final int descriptor = in.number();
            final PortConfig old = descriptor == HandOver.NO_DESCRIPTOR ? before.get(name)
                : GuestPortConfig.inherited(name, descriptor);
            if (old == null || !indices.add(index)) {
                throw new HandOverException(
                    "the old process sent port " + name + " twice, or without its configuration");
            }
            offered.add(new Offered(fitting(old, now.get(name), added), old.queues(), index,
                added && !now.containsKey(name)));
        }
        final List<PortConfig> together = new ArrayList<>(offered.stream().map(Offered::config).toList());
        final Set<String> names = together.stream().map(PortConfig::name).collect(Collectors.toSet());
        config.ports().stream().filter(port -> !names.contains(port.name())).forEach(together::add);
        ConfigReader.checkTogether("upgrade", together);
        readMirrors(sections.all(HandOverSections.MIRROR), together);
    }

    /** Reads the mirrors of the old process. Mirrors that were added stay, after those of the configuration. */
    private void readMirrors(final List<StateReader> sections, final List<PortConfig> ports) {
        final Set<String> names = new HashSet<>();
        for (final MirrorConfig mirror : config.mirrors()) {
            names.add(mirror.name());
            mirrors.add(new OfferedMirror(mirror, false));
        }
        for (final StateReader in : sections) {
            final MirrorConfig mirror = ConfigReader.parseMirror("the running switch", in.text());
            if (in.flag() && names.add(mirror.name())) {
                mirrors.add(new OfferedMirror(mirror, true));
            }
        }
        MirrorConfig.checkTogether("upgrade", ports, mirrors.stream().map(OfferedMirror::config).toList());
    }

    private void begin(final OfferedMirror mirror, final Ports ports) {
        final Mirror begun =
            ports.mirrors().begin(mirror.config(), name -> ports.named(name).port(), mirror.added());
        begun.continueFrom(copies.getOrDefault(mirror.config().name(), PortStatistics.NONE));
    }

    /** Returns the configuration of a port in this process. Refuses changes that its front-end would notice. */
    private static PortConfig fitting(final PortConfig old, final @Nullable PortConfig now, final boolean added) {
        if (now == null && added) {
            return old;
        }
        if (now == null) {
            throw new HandOverException("port " + old.name() + " is missing in the configuration, but an upgrade keeps "
                + "all ports; run \"ringbridge port remove " + old.name() + "\" first, or add it to the configuration");
        }
        if (!now.fits(old)) {
            throw new HandOverException("port " + old.name() + ": " + now.differences(old).stream()
                .filter(key -> key.adoption() == Adoption.NEVER)
                .map(key -> key.word() + " is " + shown(now, key) + " in the configuration, but " + shown(old, key)
                    + " in the running switch").collect(Collectors.joining("; ")) + "; an upgrade cannot change that");
        }
        return now;
    }

    private static Object shown(final PortConfig port, final PortKey key) {
        return port.shown(key).orElse("absent");
    }

    private void prepare(final Switch running, final List<StateRecord> ports, final StateRecord stations) {
        running.portSet().prepareState();
        for (int i = 0; i < offered.size(); i++) {
            final Offered port = offered.get(i);
            final Attached adopted =
                running.portSet().adopt(port.config(), port.queues(), port.added(), ports.get(i).content());
            byOldIndex.put(port.index(), adopted.port());
            links.add(adopted.link());
        }
        learn(stations.sections(HandOverSections.STATIONS), running.datapath());
        running.bindPorts();
        if (api != null) {
            running.api().openBeside(api, api.equals(oldApi));
        }
    }

    private void learn(final Sections sections, final Datapath datapath) {
        final StateReader in = sections.get(HandOverSections.STATIONS);
        while (in.flag()) {
            final long key = in.wide();
            final Port port = byOldIndex.get(in.number());
            final int age = in.number();
            if (port == null || age < -1) {
                throw new HandOverException("the old process sent a station with an unknown port or an invalid age");
            }
            datapath.importStation(key, port.index(), age);
        }
    }

    /** Starts one port. After GO there is no way back, so a failure is logged and does not affect the other ports. */
    private static void startOrReport(final Runnable start) {
        try {
            start.run();
        } catch (final RuntimeException | InternalError e) { // InternalError if a guest has truncated its memory file
            LOG.error("a port that was taken over cannot be started: {}", e.toString(), e);
        }
    }

    private static void relinquish(final Link link) {
        try {
            link.relinquish();
        } catch (final RuntimeException e) {
            LOG.warn("a port that was not taken over could not be released cleanly: {}", e.getMessage());
        }
    }

    private void sendServing(final StateWriter state) {
        try {
            from.send(Step.SERVING, state);
        } catch (final HandOverException e) {
            LOG.debug("the old process has already ended: {}", e.getMessage());
        }
    }
}
