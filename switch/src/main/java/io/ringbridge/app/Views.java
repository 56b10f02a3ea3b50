package io.ringbridge.app;

import io.ringbridge.api.ConfigView;
import io.ringbridge.api.PortView;
import io.ringbridge.api.QueueView;
import io.ringbridge.api.StationView;
import io.ringbridge.api.WorkerView;
import io.ringbridge.config.Config;
import io.ringbridge.config.Offloads;
import io.ringbridge.config.PortConfig;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.backend.SuspendOptions;
import io.ringbridge.control.protocol.VirtioFeatures;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.worker.WorkerStatus;

import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What the switch is made of, as the API shows it. */
final class Views {
    private Views() {
    }

    static PortView port(final Switch.Attached attached) {
        final PortConfig config = attached.config();
        final Port port = attached.port();
        final String device = config.attachment() instanceof final PortConfig.Attachment.Tap tap ? tap.device() : null;
        final List<String> features = port instanceof final GuestPort guest ? VirtioFeatures.names(guest.features()) : List.of();
        final PortStatistics statistics = port.statistics();
        return new PortView(port.name(), config.type(), config.socket(), device, config.mode(), port.state().label(), port.failure(),
            config.queues(), port.mtu(), features, statistics.inFrames(), statistics.inBytes(), statistics.outFrames(),
            statistics.outBytes(), drops(statistics));
    }

    static Stream<QueueView> queues(final Port port) {
        return port.queues().stream().map(queue -> new QueueView(port.name(), queue.index(), queue.kind(), queue.worker(), queue.started(),
            queue.enabled(), queue.layout(), queue.size(), queue.statistics().inFrames(), queue.statistics().inBytes(),
            queue.statistics().outFrames(), queue.statistics().outBytes(), drops(queue.statistics())));
    }

    static List<StationView> stations(final List<ForwardingTable.Entry> entries, final List<Port> ports) {
        final Map<Integer, String> names = ports.stream().collect(Collectors.toMap(Port::index, Port::name));
        return entries.stream().filter(entry -> names.containsKey(entry.port()))
            .map(entry -> new StationView(entry.mac(), entry.vlan(), names.get(entry.port()), entry.isStatic(), entry.ageSeconds()))
            .sorted(Comparator.comparingInt(StationView::vlan).thenComparing(StationView::mac)).toList();
    }

    static WorkerView worker(final WorkerStatus worker) {
        return new WorkerView(worker.index(), worker.cpu(), worker.queues(), worker.busyShare(), worker.frames(),
            worker.cyclesPerFrame(), worker.framesPerPoll(), worker.longestCycleNanos(), worker.stalls());
    }

    static ConfigView config(final Config config, final List<PortConfig> ports, final Path api) {
        return new ConfigView(config.workers(), config.cpus(), config.poll().name().toLowerCase(Locale.ROOT),
            new ConfigView.Api(api == null ? null : api.toString()),
            new ConfigView.Fdb(config.fdb().capacity(), config.fdb().ageing().toSeconds() + "s"),
            config.state().map(Path::toString).orElse(null), ports.stream().map(Views::config).toList());
    }

    private static ConfigView.Port config(final PortConfig port) {
        final String permissions = port.attachment() instanceof final PortConfig.Attachment.Server server
            ? String.format(Locale.ROOT, "%04o", server.permissions()) : null;
        final SuspendOptions suspend = port.suspend();
        return port.attachment() instanceof final PortConfig.Attachment.Tap tap
            ? new ConfigView.Port(port.name(), port.type(), null, null, tap.device(), port.queues(), port.mtu() == 0 ? null : port.mtu(),
                null, tap.persist(), tap.master(), tap.up(), null, null, null, null, null, null, null, null,
                null, null)
            : new ConfigView.Port(port.name(), port.type(), port.socket(), port.mode(), null, port.queues(), port.mtu(), permissions,
                null, null, null, suspend.messages() == SuspendOptions.DEFAULT.messages() ? null : suspend.messages(),
                suspend.featureBit() == SuspendOptions.DEFAULT.featureBit() ? null : suspend.featureBit(),
                port.offloads() == Offloads.ALL ? null : Offloads.names(port.offloads()),
                port.extras().mac(), port.extras().inband() ? Boolean.TRUE : null, port.extras().deviceState() ? Boolean.TRUE : null,
                port.extras().iommu() ? Boolean.TRUE : null, port.extras().crossEndian() ? Boolean.TRUE : null,
                port.extras().logBaseReply() == BackendOptions.DEFAULT_LOG_BASE_REPLY ? null : port.extras().logBaseReply(),
                port.extras().featureMask() == -1 ? null : VirtioFeatures.names(port.extras().featureMask()));
    }

    private static Map<String, Long> drops(final PortStatistics statistics) {
        final Map<String, Long> drops = new TreeMap<>();
        for (final Map.Entry<DropReason, Long> drop : statistics.drops().entrySet()) {
            drops.put(drop.getKey().label(), drop.getValue());
        }
        return drops;
    }
}
