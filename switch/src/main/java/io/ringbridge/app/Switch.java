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
import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.datapath.bridge.MacAddress;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.SuspendCause;
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
    record Attached(PortConfig config, GuestPort port, Backend backend) {
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

    /** Adds a port and opens its socket. */
    public synchronized void open(final PortConfig port) {
        if (closed) {
            return;
        }
        final GuestPort added = datapath.addGuestPort(port.name(), port.queues(), port.mtu());
        try {
            attached.put(port.name(), new Attached(port, added, Backend.start(added, options(port))));
            LOG.info("port {}: {} {}, {} queue pairs, mtu {}", port.name(), port.mode(), port.socket(), port.queues(), port.mtu());
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
        named(name).port().suspend(SuspendCause.OPERATOR);
        LOG.info("port {}: suspended by the {}", name, SuspendCause.OPERATOR.label());
    }

    @Override
    public synchronized void resumePort(final String name) {
        named(name).port().resume(SuspendCause.OPERATOR);
        LOG.info("port {}: resumed by the {}", name, SuspendCause.OPERATOR.label());
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
            port.backend().awaitEnd();
        }
    }

    private void close(final Attached port) {
        port.backend().close();
        datapath.remove(port.port());
    }

    private BackendOptions options(final PortConfig port) {
        final PortConfig.Extras extras = port.extras();
        BackendOptions options = switch (port.attachment()) {
            case Attachment.Server server -> BackendOptions.server(server.socket()).withPermissions(server.permissions());
            case Attachment.Client client -> BackendOptions.client(client.socket());
            case Attachment.Descriptor descriptor -> BackendOptions.descriptor(descriptor.number());
        };
        options = options.withSuspend(port.suspend()).withLogBaseReply(extras.logBaseReply())
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
