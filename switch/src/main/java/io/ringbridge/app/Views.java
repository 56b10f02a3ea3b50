package io.ringbridge.app;

import io.ringbridge.api.ConfigView;
import io.ringbridge.api.PortView;
import io.ringbridge.api.QueueView;
import io.ringbridge.api.StationView;
import io.ringbridge.api.WorkerView;
import io.ringbridge.config.Config;
import io.ringbridge.config.GroupForward;
import io.ringbridge.config.Offloads;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortConfig.Attachment;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.backend.SuspendOptions;
import io.ringbridge.control.protocol.VirtioFeatures;
import io.ringbridge.control.uplink.PcapOptions;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.memory.MemoryFiles;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.worker.WorkerStatus;

import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Creates the views that the API shows. */
final class Views {
    private Views() {
    }

    /** Returns the view of a port; {@code why} is the problem that keeps it from working, or null. */
    static PortView port(final Attached attached, final String why) {
        final PortConfig config = attached.config();
        final Port port = attached.port();
        final PcapOptions pcap = config.attachment() instanceof Attachment.Pcap(PcapOptions options) ? options : null;
        final List<String> features =
            port instanceof final GuestPort guest ? VirtioFeatures.names(guest.features()) : List.of();
        final PortStatistics statistics = port.statistics();
        return new PortView(port.name(), config.type(), config.socket(), config.device(),
            pcap == null ? null : text(pcap.read()), pcap == null ? null : text(pcap.write()), config.mode(),
            port.state().label(), port.failure(), since(port), why, config.queues(), port.mtu(), untagged(config),
            trunk(config), features, statistics.inFrames(), statistics.inBytes(), statistics.outFrames(),
            statistics.outBytes(), drops(statistics));
    }

    private static String since(final Port port) {
        return Instant.ofEpochMilli(port.sinceMillis()).truncatedTo(ChronoUnit.SECONDS).toString();
    }

    /** Returns a port's VLANs for a log line, or an empty string if the port is in none. */
    static String vlan(final PortConfig port) {
        return port.vlan() == null ? "" : ", vlan " + port.vlan();
    }

    /** Returns the VLAN of untagged frames, or null if there is none. */
    private static Integer untagged(final PortConfig port) {
        return port.vlan() == null || port.vlan().untagged() == 0 ? null : port.vlan().untagged();
    }

    /** Returns the VLANs of tagged frames, or null if the port is not a trunk. */
    private static List<String> trunk(final PortConfig port) {
        return port.vlan() == null || !port.vlan().isTrunk() ? null : port.vlan().allowed();
    }

    private static String text(final Path path) {
        return path == null ? null : path.toString();
    }

    static Stream<QueueView> queues(final Port port) {
        return port.queues().stream().map(queue -> new QueueView(port.name(), queue.index(), queue.kind(),
            queue.worker(), queue.started(), queue.enabled(), queue.layout(), queue.size(),
            queue.statistics().inFrames(), queue.statistics().inBytes(), queue.statistics().outFrames(),
            queue.statistics().outBytes(), drops(queue.statistics())));
    }

    static List<StationView> stations(final List<ForwardingTable.Entry> entries, final List<Port> ports) {
        final Map<Integer, String> names = ports.stream().collect(Collectors.toMap(Port::index, Port::name));
        return entries.stream().filter(entry -> names.containsKey(entry.port()))
            .map(entry -> new StationView(entry.mac(), entry.vlan(), names.get(entry.port()), entry.isStatic(),
                entry.ageSeconds()))
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
            config.state().text(), ports.stream().map(Views::config).toList());
    }

    /** Returns a port's keys and values; keys whose value is null are omitted. */
    private static Map<String, Object> config(final PortConfig port) {
        final Map<String, Object> keys = new LinkedHashMap<>();
        keys.put("name", port.name());
        keys.put("type", port.type());
        switch (port.attachment()) {
            case Attachment.Tap tap -> tap(keys, port, tap);
            case Attachment.Pcap(PcapOptions options) -> pcap(keys, options);
            default -> guest(keys, port);
        }
        keys.put("vlan", untagged(port));
        keys.put("trunk", trunk(port));
        keys.put("group-forward", port.groupForward() == 0 ? null : GroupForward.names(port.groupForward()));
        keys.values().removeIf(Objects::isNull);
        return keys;
    }

    private static void guest(final Map<String, Object> keys, final PortConfig port) {
        final SuspendOptions suspend = port.suspend();
        final PortConfig.Extras extras = port.extras();
        keys.put("socket", port.socket());
        keys.put("mode", port.mode());
        keys.put("queues", port.queues());
        keys.put("mtu", port.mtu());
        keys.put("permissions", port.attachment() instanceof final Attachment.Server server
            ? String.format(Locale.ROOT, "%04o", server.permissions()) : null);
        keys.put("suspend-messages",
            suspend.messages() == SuspendOptions.DEFAULT.messages() ? null : suspend.messages());
        keys.put("suspend-feature-bit",
            suspend.featureBit() == SuspendOptions.DEFAULT.featureBit() ? null : suspend.featureBit());
        keys.put("offloads", port.offloads() == Offloads.ALL ? null : Offloads.names(port.offloads()));
        keys.put("mac", extras.mac());
        keys.put("inband", extras.inband() ? Boolean.TRUE : null);
        keys.put("device-state", extras.deviceState() ? Boolean.TRUE : null);
        keys.put("postcopy", extras.postcopy() ? Boolean.TRUE : null);
        keys.put("iommu", extras.iommu() ? Boolean.TRUE : null);
        keys.put("cross-endian", extras.crossEndian() ? Boolean.TRUE : null);
        keys.put("memory", extras.memory() == MemoryFiles.RAM ? null : "any");
        keys.put("log-base-reply",
            extras.logBaseReply() == BackendOptions.DEFAULT_LOG_BASE_REPLY ? null : extras.logBaseReply());
        keys.put("disabled", extras.discardWhenDisabled() ? null : "hold");
        keys.put("features", extras.featureMask() == -1 ? null : VirtioFeatures.names(extras.featureMask()));
    }

    private static void tap(final Map<String, Object> keys, final PortConfig port, final Attachment.Tap tap) {
        keys.put("device", tap.device());
        keys.put("queues", port.queues());
        keys.put("mtu", port.mtu() == 0 ? null : port.mtu());
        keys.put("persist", tap.persist());
        keys.put("master", tap.master());
        keys.put("up", tap.up());
    }

    private static void pcap(final Map<String, Object> keys, final PcapOptions options) {
        final boolean live = options.device() != null;
        keys.put("interface", options.device());
        keys.put("direction", live ? options.direction().name().toLowerCase(Locale.ROOT) : null);
        keys.put("ring-size", live ? options.ringBytes() : null);
        keys.put("read", text(options.read()));
        keys.put("speed", options.fullSpeed() ? "full" : null);
        keys.put("write", text(options.write()));
        keys.put("snaplen", options.snapLength() == 0 ? null : options.snapLength());
    }

    private static Map<String, Long> drops(final PortStatistics statistics) {
        final Map<String, Long> drops = new TreeMap<>();
        for (final Map.Entry<DropReason, Long> drop : statistics.drops().entrySet()) {
            drops.put(drop.getKey().label(), drop.getValue());
        }
        return drops;
    }
}
