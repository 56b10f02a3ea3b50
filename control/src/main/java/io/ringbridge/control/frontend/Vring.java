package io.ringbridge.control.frontend;

import io.ringbridge.datapath.driver.DriverQueue;
import io.ringbridge.datapath.ring.DriverRing;

/** A driver's queue, and where the back-end is to start or has stopped it. */
final class Vring {
    final DriverQueue queue;
    int base;
    boolean started;

    Vring(final DriverQueue queue, final long features) {
        this.queue = queue;
        base = DriverRing.freshBase(features);
    }

    int index() {
        return queue.index();
    }
}
