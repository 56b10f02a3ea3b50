package io.ringbridge.app;

import io.ringbridge.config.PortConfig;
import io.ringbridge.control.Link;
import io.ringbridge.datapath.port.Port;

/**
 * A port with its configuration and its link.
 *
 * @param added whether the port was added while the switch ran, so that it is in no configuration file
 */
record Attached(PortConfig config, Port port, Link link, boolean added) {
}
