package io.ringbridge.app.diagnosis;

import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.UplinkPort;

import java.util.List;

/** Checks a port that is connected to a device of the host. */
final class UplinkChecks {
    private UplinkChecks() {
    }

    static List<Check> of(final UplinkPort port) {
        return List.of(device(port), PortChecks.frames(port.statistics()), PortChecks.drops(port.statistics()));
    }

    private static Check device(final UplinkPort port) {
        final String name = "device";
        if (port.failure() != null) {
            return Check.problem(name, port.failure());
        }
        return port.state() == PortState.RUNNING ? Check.ok(name, "it is open")
            : Check.unknown(name, "it is not open: the port is " + port.state().label());
    }
}
