package io.ringbridge.app;

import io.ringbridge.config.GuestPortConfig;
import io.ringbridge.config.PortConfig;
import io.ringbridge.control.Link;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Port;

/**
 * A port with its configuration and its link.
 *
 * @param added whether the port was added while the switch ran, so that it is in no configuration file
 */
record Attached(PortConfig config, Port port, Link link, boolean added) {
    /** Returns the configuration with the number of queue pairs that an attached front-end has. */
    PortConfig inForce() {
        return config instanceof final GuestPortConfig guest && port instanceof final GuestPort there
            ? guest.withQueues(there.queuePairs()) : config;
    }

    /** Returns the same port, which has adopted another configuration. */
    Attached with(final PortConfig adopted) {
        return new Attached(adopted, port, link, added);
    }

    /** Returns the same port, which is in the configuration file. */
    Attached inFile() {
        return new Attached(config, port, link, false);
    }
}
