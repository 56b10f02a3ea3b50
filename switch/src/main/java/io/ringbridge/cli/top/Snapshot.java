package io.ringbridge.cli.top;

import io.ringbridge.api.PortView;
import io.ringbridge.api.WorkerView;

import java.util.List;

/**
 * A reading of a switch.
 *
 * @param nanos the time of the reading; only differences between readings have a meaning
 */
public record Snapshot(long nanos, List<PortView> ports, List<WorkerView> workers) {
}
