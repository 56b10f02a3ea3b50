package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.SwitchLostException;
import io.ringbridge.api.UpgradeControl;
import io.ringbridge.api.UpgradeView;
import io.ringbridge.config.Config;
import io.ringbridge.config.GuestPortConfig;
import io.ringbridge.config.PortConfig;
import io.ringbridge.control.event.EventKind;
import io.ringbridge.control.event.Events;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.datapath.Datapath;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The upgrade of a running switch, in the process that runs it: starts the {@link Successor}, hands it all ports with a
 * {@link HandOver}, and reports the result. The new process runs a {@link TakeOver}. Any thread may call; there is one
 * upgrade at a time.
 *
 * <p>The lock of the ports is not held while the new process starts and warms up. It is held from the first step that
 * pauses a session until the new process serves the ports or has failed.
 */
final class Upgrade implements UpgradeControl {
    private static final Logger LOG = LoggerFactory.getLogger(Upgrade.class);
    private static final int CONFLICT = 409;
    private static final int FAILED = 500;
    private static final double NANOS_PER_MILLI = 1e6;

    private final Supplier<Config> config;
    private final Datapath datapath;
    private final Events events;
    private final Ports ports;
    private final ApiEndpoint api;
    private final HttpEndpoint http;
    private final AtomicBoolean upgrading = new AtomicBoolean();
    /** Open once another process serves and the client that requested the upgrade has its answer. */
    private final CountDownLatch succeeded = new CountDownLatch(1);
    /** Null if this switch is embedded in another program. */
    private volatile @Nullable Function<@Nullable String, List<String>> commands;
    private volatile boolean lost;

    Upgrade(final Supplier<Config> config, final Datapath datapath, final Events events, final Ports ports,
            final ApiEndpoint api, final HttpEndpoint http) {
        this.config = config;
        this.datapath = datapath;
        this.events = events;
        this.ports = ports;
        this.api = api;
        this.http = http;
    }

    /** Sets the command that starts the new process, as for {@link Switch#startedBy}. */
    void startedBy(final Function<@Nullable String, List<String>> command) {
        commands = command;
    }

    @Override
    public UpgradeView run(final @Nullable String program, final Duration limit) {
        final Function<@Nullable String, List<String>> command = commands;
        if (command == null) {
            throw new ApiException(CONFLICT, "this switch is embedded in another program and cannot be upgraded");
        }
        if (!upgrading.compareAndSet(false, true)) {
            throw new ApiException(CONFLICT, "another upgrade is in progress");
        }
        try (Successor successor = Successor.start(command.apply(program), limit);
             StateSocket to = successor.awaitConnection()) {
            final HandOverResult result = handOver(to, successor.remaining());
            successor.release();
            ServiceManager.succeeded(result.pid());
            return new UpgradeView(result.pid(), result.ports(),
                result.nanos() < 0 ? null : result.nanos() / NANOS_PER_MILLI);
        } catch (final HandOverException e) {
            LOG.warn("the upgrade failed and this process keeps serving: {}", e.getMessage());
            throw new ApiException(FAILED, "the upgrade failed and the old process keeps serving: " + e.getMessage());
        } catch (final SwitchException e) {
            lost = true;
            LOG.error("{}; no process serves the ports, and this process ends", e.getMessage());
            throw new SwitchLostException(FAILED,
                e.getMessage() + "; no process serves the ports, and the switch ends: start it again");
        } finally {
            upgrading.set(ports.isHandedOver());
        }
    }

    /** Hands all ports to another process once that has warmed up, as for {@link Switch#handOver}. */
    HandOverResult handOver(final StateSocket to, final Duration limit) {
        final long pid = HandOver.awaitReady(to, limit);
        return ports.handOver(attached -> handOver(to, pid, attached));
    }

    private HandOverResult handOver(final StateSocket to, final long pid, final List<Attached> attached) {
        final List<PortConfig> configured = attached.stream().map(Attached::inForce)
            // A port on an inherited socket has no syntax.
            .filter(port -> !(port instanceof final GuestPortConfig guest && guest.descriptor().isPresent())).toList();
        final HandOver handing = new HandOver(to, datapath, attached, ports.mirrors().all());
        handing.run(Views.config(config.get(), configured, List.of(), null).ports(),
            api.socket().map(Path::toString).orElse(""));
        ports.handedOver();
        http.release();
        final long nanos = handing.awaitServing();
        events.report(EventKind.UPGRADED, "handed over " + attached.size() + " ports to process " + pid,
            Map.of("ports", attached.size(), "to_pid", pid));
        return new HandOverResult(pid, attached.size(), nanos);
    }

    @Override
    public void answered() {
        succeeded.countDown();
    }

    /** Waits until another process has taken over, and the client that requested the upgrade has its answer. */
    void awaitSuccessor() throws InterruptedException {
        succeeded.await();
    }

    /** Whether another process has taken over and then failed. */
    boolean isLost() {
        return lost;
    }
}
