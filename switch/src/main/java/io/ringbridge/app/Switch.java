package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.ApiServer;
import io.ringbridge.api.ConfigView;
import io.ringbridge.api.PortView;
import io.ringbridge.api.QueueView;
import io.ringbridge.api.StationView;
import io.ringbridge.api.SwitchControl;
import io.ringbridge.api.WorkerView;
import io.ringbridge.config.Config;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.Offloads;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.PortConfig.Attachment;
import io.ringbridge.control.Link;
import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.uplink.PcapLink;
import io.ringbridge.control.uplink.PcapOptions;
import io.ringbridge.control.uplink.TapLink;
import io.ringbridge.control.uplink.TapOptions;
import io.ringbridge.datapath.bridge.MacAddress;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.worker.Datapath;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** A switch that runs: a datapath, ports, and an API where one was opened. Any thread may call in. */
public final class Switch implements SwitchControl, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Switch.class);
    private static final int NOT_FOUND = 404;
    private static final int CONFLICT = 409;
    private static final int FAILED = 500;

    private final Config config;
    private final Datapath datapath;
    private final Map<String, Attached> attached = new LinkedHashMap<>();
    private ApiServer api;
    private boolean closed;

    /** A port with what was asked for and what serves it. */
    record Attached(PortConfig config, Port port, Link link) {
    }

    private Switch(final Config config, final Datapath datapath) {
        this.config = config;
        this.datapath = datapath;
    }

    /** Starts the workers; the ports of the configuration are opened by {@link #openPorts}. */
    public static Switch start(final Config config) {
        try {
            return new Switch(config, Datapath.start(config.datapath(), failure -> LOG.error("a worker failed and goes on", failure)));
        } catch (final RuntimeException e) {
            throw new SwitchException("the workers cannot start: " + e.getMessage(), e);
        }
    }

    /** Opens every port of the configuration. */
    public void openPorts() {
        config.state().ifPresent(Switch::makeState);
        config.ports().forEach(this::open);
    }

    private static void makeState(final Path directory) {
        try {
            Files.createDirectories(directory);
        } catch (final IOException e) {
            throw new SwitchException("the state directory " + directory + " cannot be made: " + e.getMessage(), e);
        }
        if (!Files.isWritable(directory)) {
            throw new SwitchException("the state directory " + directory + " cannot be written", null);
        }
    }

    /** Opens the API; one that is in use by another process is left alone and is an error. */
    public synchronized void openApi(final Path socket) {
        if (!closed) {
            api = ApiServer.start(socket, this);
            LOG.info("API on {}", socket);
        }
    }

    /** Adds a port and opens its socket or device. */
    public synchronized void open(final PortConfig port) {
        if (closed) {
            return;
        }
        switch (port.attachment()) {
            case Attachment.Server server -> open(port, BackendOptions.server(server.socket()).withPermissions(server.permissions()));
            case Attachment.Client client -> open(port, BackendOptions.client(client.socket()));
            case Attachment.Descriptor descriptor -> open(port, BackendOptions.descriptor(descriptor.number()));
            case Attachment.Tap tap -> open(port, new TapOptions(tap.device(), port.mtu(), tap.persist(), tap.master(), tap.up()));
            case Attachment.Pcap pcap -> open(port, pcap.options());
        }
    }

    private void open(final PortConfig port, final BackendOptions options) {
        final GuestPort added = datapath.addGuestPort(port.name(), port.queues(), port.mtu());
        attach(port, added, () -> Backend.start(added, withExtras(options, port)));
        LOG.info("port {}: {} {}, {} queue pairs, mtu {}", port.name(), port.mode(), port.socket(), port.queues(), port.mtu());
    }

    private void open(final PortConfig port, final TapOptions options) {
        final UplinkPort added = datapath.addUplinkPort(port.name(), port.queues(), PortConfig.DEFAULT_MTU);
        attach(port, added, () -> TapLink.start(added, options));
        LOG.info("port {}: tap {}, {} queues, mtu {}", port.name(), options.device(), port.queues(), added.mtu());
    }

    private void open(final PortConfig port, final PcapOptions options) {
        final UplinkPort added = datapath.addUplinkPort(port.name(), port.queues(), PortConfig.DEFAULT_MTU);
        attach(port, added, () -> PcapLink.start(added, options));
        LOG.info("port {}: pcap{}{}{}", port.name(), options.device() == null ? "" : ", interface " + options.device(),
            options.read() == null ? "" : ", replays " + options.read(), options.write() == null ? "" : ", records to " + options.write());
    }

    private void attach(final PortConfig port, final Port added, final Supplier<Link> link) {
        try {
            attached.put(port.name(), new Attached(port, added, link.get()));
        } catch (final RuntimeException e) {
            datapath.remove(added);
            throw new SwitchException("port " + port.name() + ": " + e.getMessage(), e);
        }
    }

    @Override
    public synchronized void addPort(final String spec) {
        final PortConfig port = ConfigReader.parsePort("port add", spec);
        final List<PortConfig> together = new ArrayList<>(attached.values().stream().map(Attached::config).toList());
        together.add(port);
        ConfigReader.checkTogether("port add", together);
        if (together.size() > Datapath.MAX_PORTS) {
            throw new ApiException(CONFLICT, "there are " + attached.size() + " ports; " + Datapath.MAX_PORTS + " are allowed");
        }
        try {
            open(port);
        } catch (final SwitchException e) {
            throw new ApiException(FAILED, e.getMessage());
        }
    }

    @Override
    public synchronized void removePort(final String name) {
        close(named(name));
        attached.remove(name);
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

    private GuestPort guest(final String name) {
        final Attached port = named(name);
        if (port.port() instanceof final GuestPort guest) {
            return guest;
        }
        throw new ApiException(CONFLICT, "port " + name + " is of type " + port.config().type() + "; suspended are those of type "
            + PortConfig.VHOST_USER);
    }

    private Attached named(final String name) {
        final Attached port = attached.get(name);
        if (port == null) {
            throw new ApiException(NOT_FOUND, "no port is named \"" + name + "\"; there are " + String.join(", ", attached.keySet()));
        }
        return port;
    }

    @Override
    public synchronized List<PortView> ports() {
        return attached.values().stream().map(Views::port).toList();
    }

    @Override
    public synchronized List<QueueView> queues() {
        return attached.values().stream().flatMap(port -> Views.queues(port.port())).toList();
    }

    @Override
    public List<StationView> stations() {
        return Views.stations(datapath.stations(), datapath.ports());
    }

    @Override
    public List<WorkerView> workers() {
        return datapath.workers().stream().map(Views::worker).toList();
    }

    @Override
    public synchronized ConfigView config() {
        return Views.config(config, attached.values().stream().map(Attached::config).toList(), api == null ? null : api.socket());
    }

    /** Ends every session, removes the sockets, and stops the workers. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        attached.values().forEach(this::close);
        attached.clear();
        datapath.close();
        if (api != null) {
            api.close();
        }
    }

    /** Waits until a port serves no more, as one on an inherited socket does once its front-end has gone. */
    public void awaitEnd(final String name) throws InterruptedException {
        final Attached port;
        synchronized (this) {
            port = attached.get(name);
        }
        if (port != null) {
            port.link().awaitEnd();
        }
    }

    private void close(final Attached port) {
        port.link().close();
        datapath.remove(port.port());
    }

    private BackendOptions withExtras(final BackendOptions attachment, final PortConfig port) {
        final PortConfig.Extras extras = port.extras();
        BackendOptions options = attachment.withSuspend(port.suspend()).withLogBaseReply(extras.logBaseReply())
            .withFeatureMask((~Offloads.ALL | port.offloads()) & extras.featureMask()).withState(config.state().orElse(null))
            .withIommu(extras.iommu());
        if (extras.mac() != null) {
            options = options.withMac(MacAddress.parse(extras.mac()));
        }
        if (extras.inband()) {
            options = options.with(ProtocolFeature.INBAND_NOTIFICATIONS);
        }
        if (extras.crossEndian()) {
            options = options.with(ProtocolFeature.CROSS_ENDIAN);
        }
        return extras.deviceState() ? options.with(ProtocolFeature.DEVICE_STATE) : options;
    }
}
