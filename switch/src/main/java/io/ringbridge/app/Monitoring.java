package io.ringbridge.app;

import io.ringbridge.api.MonitoringControl;
import io.ringbridge.app.metrics.SwitchMetrics;
import io.ringbridge.datapath.Datapath;
import org.jspecify.annotations.Nullable;

/** Monitors a switch. Any thread may call. */
final class Monitoring implements MonitoringControl {
    private final Datapath datapath;
    private final Ports ports;
    /** Null until the first request for metrics, because a start must not wait for so many classes. */
    private @Nullable SwitchMetrics metrics;

    Monitoring(final Datapath datapath, final Ports ports) {
        this.datapath = datapath;
        this.ports = ports;
    }

    @Override
    public Metrics metrics() {
        return new Metrics(SwitchMetrics.MEDIA_TYPE, registered().text());
    }

    private synchronized SwitchMetrics registered() {
        if (metrics == null) {
            metrics = new SwitchMetrics(datapath);
        }
        return metrics;
    }

    @Override
    public @Nullable String failure() {
        return datapath.isRunning() ? null : "the workers do not run";
    }

    @Override
    public @Nullable String unreadiness() {
        if (failure() != null) {
            return failure();
        }
        if (ports.isHandedOver()) {
            return "another process has taken over the ports";
        }
        return ports.isServed() ? null : "not all ports of the configuration are open";
    }
}
