package io.ringbridge.api;

/** The operations of the API on a switch, by topic. Any thread may call. */
public interface SwitchControl {
    PortControl ports();

    TraceControl traces();

    MirrorControl mirrors();

    FdbControl fdb();

    WorkerControl workers();

    LatencyControl latency();

    InterruptionControl interruptions();

    ConfigControl config();

    UpgradeControl upgrades();

    CaptureControl captures();

    EventControl events();

    LogControl log();

    MonitoringControl monitoring();
}
