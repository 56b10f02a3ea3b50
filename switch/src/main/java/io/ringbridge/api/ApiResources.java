package io.ringbridge.api;

import java.util.List;

/** The resources of the API. */
final class ApiResources {
    private ApiResources() {
    }

    static List<Resource> of(final SwitchControl control) {
        return List.of(
            new PortsResource(control.ports()),
            new QueuesResource(control.ports()),
            new TraceResource(control.traces()),
            new MirrorsResource(control.mirrors()),
            new FdbResource(control.fdb()),
            new WorkersResource(control.workers()),
            new LatencyResource(control.latency()),
            new InterruptionsResource(control.interruptions()),
            new ConfigResource(control.config()),
            new UpgradeResource(control.upgrades()),
            new CapturesResource(control.captures()),
            new EventsResource(control.events()),
            new LogLevelsResource(control.log()),
            new MonitoringResource(control.monitoring()),
            new VersionResource(),
            new OpenApiResource());
    }
}
