package io.ringbridge.app;

import io.ringbridge.config.PortConfig;
import io.ringbridge.control.Link;
import io.ringbridge.datapath.port.Port;

/** A port with what was asked for and what serves it; {@code added} while the switch ran, and in no configuration. */
record Attached(PortConfig config, Port port, Link link, boolean added) {
}
