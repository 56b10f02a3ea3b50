package io.ringbridge.app;

import io.ringbridge.api.ConfigView;
import io.ringbridge.api.MirrorView;
import io.ringbridge.api.PortView;
import io.ringbridge.api.QueueView;
import io.ringbridge.api.RatesView;
import io.ringbridge.api.StationView;
import io.ringbridge.api.WorkerView;
import io.ringbridge.config.Config;
import io.ringbridge.config.MirrorConfig;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortKey;
import io.ringbridge.control.protocol.VirtioFeatures;
import io.ringbridge.control.transport.SocketAccess;
import io.ringbridge.control.uplink.FrontendLink;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.port.QueueStatus;
import io.ringbridge.datapath.worker.WorkerStatus;
import org.jspecify.annotations.Nullable;

import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Creates the views that the API shows. */
final class Views {
    private Views() {
    }

    /** Returns the view of a port; {@code why} is the problem that keeps it from working, or null. */
    static PortView port(final Attached attached, final CounterBase base, final @Nullable String why,
                         final RatesView rates) {
        final PortConfig config = attached.config();
        final Port port = attached.port();
        final List<String> features = VirtioFeatures.names(port instanceof final GuestPort guest ? guest.features()
            : attached.link() instanceof final FrontendLink link ? link.features() : 0);
        final PortStatistics statistics = base.since(port);
        return new PortView(port.name(), config.kind().word(), text(config, PortKey.SOCKET, PortKey.BACKEND_SOCKET),
            text(config, PortKey.DEVICE, PortKey.INTERFACE), text(config, PortKey.READ), text(config, PortKey.WRITE),
            text(config, PortKey.MODE), port.state().label(), port.failure(), time(port.sinceMillis()), why,
            port instanceof final GuestPort guest ? guest.queuePairs() : config.queues(), port.mtu(), untagged(config),
            trunk(config), features, statistics.inFrames(), statistics.inBytes(), statistics.outFrames(),
            statistics.outBytes(), drops(statistics), rates);
    }

    /** Returns a time in milliseconds since 1970 for output. */
    static String time(final long millis) {
        return Instant.ofEpochMilli(millis).truncatedTo(ChronoUnit.SECONDS).toString();
    }

    /** Returns a port's VLANs for a log line, or an empty string if the port is in none. */
    static String vlan(final PortConfig port) {
        return port.vlan() == null ? "" : ", vlan " + port.vlan();
    }

    /** Returns the VLAN of untagged frames, or null if there is none. */
    private static @Nullable Integer untagged(final PortConfig port) {
        return port.vlan() == null || port.vlan().untagged() == 0 ? null : port.vlan().untagged();
    }

    /** Returns the VLANs of tagged frames, or null if the port is not a trunk. */
    private static @Nullable List<String> trunk(final PortConfig port) {
        return port.vlan() == null || !port.vlan().isTrunk() ? null : port.vlan().allowed();
    }

    /** Returns the value of the first of these keys that has one, or null. */
    private static @Nullable String text(final PortConfig port, final PortKey... keys) {
        return Stream.of(keys).map(port::shown).flatMap(Optional::stream).map(Object::toString).findFirst()
            .orElse(null);
    }

    static Stream<QueueView> queues(final Port port, final CounterBase base) {
        final List<QueueStatus> queues = port.queues();
        return IntStream.range(0, queues.size())
            .mapToObj(i -> queue(port.name(), queues.get(i), base.since(queues.get(i), i)));
    }

    private static QueueView queue(final String port, final QueueStatus queue, final PortStatistics statistics) {
        return new QueueView(port, queue.index(), queue.kind(), queue.worker(), queue.started(), queue.enabled(),
            queue.layout(), queue.size(), statistics.inFrames(), statistics.inBytes(), statistics.outFrames(),
            statistics.outBytes(), drops(statistics));
    }

    static List<StationView> stations(final List<ForwardingTable.Entry> entries, final List<Port> ports) {
        final Map<Integer, String> names = ports.stream().collect(Collectors.toMap(Port::index, Port::name));
        return entries.stream()
            .flatMap(entry -> Optional.ofNullable(names.get(entry.port())).map(port -> station(entry, port)).stream())
            .sorted(Comparator.comparingInt(StationView::vlan).thenComparing(StationView::mac)).toList();
    }

    private static StationView station(final ForwardingTable.Entry entry, final String port) {
        return new StationView(entry.mac(), entry.vlan(), port, entry.isStatic(), entry.ageSeconds());
    }

    static WorkerView worker(final WorkerStatus worker) {
        return new WorkerView(worker.index(), worker.cpu(), worker.queues(), worker.busyShare(), worker.frames(),
            worker.cyclesPerFrame(), worker.framesPerPoll(), worker.longestCycleNanos(), worker.stalls());
    }

    static ConfigView config(final Config config, final List<PortConfig> ports, final List<MirrorConfig> mirrors,
                             final @Nullable Path api) {
        return new ConfigView(config.workers(), config.cpus(), poll(config), api(config.api().access(), api),
            new ConfigView.Fdb(config.fdb().capacity(), config.fdb().ageing().toSeconds() + "s"),
            new ConfigView.Recorder(config.recordedFrames()), new ConfigView.Latency(config.latencySample()),
            config.state().text(), ports.stream().map(PortConfig::shown).toList(),
            mirrors.stream().map(MirrorConfig::shown).toList());
    }

    static MirrorView mirror(final MirrorSet.Running mirror) {
        final MirrorConfig config = mirror.config();
        final PortStatistics copies = mirror.mirror().statistics();
        return new MirrorView(config.name(), config.from(), config.directionWord().orElse(null), config.to(),
            copies.outFrames(), copies.outBytes(), drops(copies));
    }

    static String poll(final Config config) {
        return config.poll().name().toLowerCase(Locale.ROOT);
    }

    /** Returns the forwarding table's settings in the syntax of the configuration file. */
    static String fdb(final Config config) {
        return "{capacity: " + config.fdb().capacity() + ", ageing: " + config.fdb().ageing().toSeconds() + "s}";
    }

    private static ConfigView.Api api(final SocketAccess access, final @Nullable Path socket) {
        return new ConfigView.Api(socket == null ? null : socket.toString(), access.owner(), access.group(),
            String.format(Locale.ROOT, "%04o", access.mode()));
    }

    private static Map<String, Long> drops(final PortStatistics statistics) {
        final Map<String, Long> drops = new TreeMap<>();
        for (final Map.Entry<DropReason, Long> drop : statistics.drops().entrySet()) {
            if (drop.getValue() != 0) {
                drops.put(drop.getKey().label(), drop.getValue());
            }
        }
        return drops;
    }
}
