package io.ringbridge.api;

/** The operations of the API on a switch, by topic. Any thread may call. */
public interface SwitchControl {
    PortControl ports();

    FdbControl fdb();

    WorkerControl workers();

    ConfigControl config();

    UpgradeControl upgrades();

    EventControl events();

    LogControl log();

    MonitoringControl monitoring();
}
