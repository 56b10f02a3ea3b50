package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.bridge.Bridge;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.frame.VlanTag;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.Sink;

/**
 * Delivers frames that go to every port but their own: as many at a time to a queue as come from one port, in one VLAN, and belong there.
 *
 * <p>Every worker delivers to the queues that are its own. Owned by one worker.
 */
final class FloodEgress {
    private final int worker;
    private final PortList ports;
    private final Egress egress;

    FloodEgress(final int worker, final PortList ports, final Egress egress) {
        this.worker = worker;
        this.ports = ports;
        this.egress = egress;
    }

    /** How many frames, from this one to the last, go to the same ports as it. */
    int run(final FrameRing frames, final long first, final long last) {
        final Frame frame = frames.get(first);
        final int vlan = vlan(frames, first);
        int run = 1;
        while (first + run <= last && frames.get(first + run).floodsAs(frame) && vlan(frames, first + run) == vlan) {
            run++;
        }
        return run;
    }

    /** Delivers a {@linkplain #run run} of them. */
    void deliver(final FrameRing frames, final long first, final int count) {
        final int source = frames.get(first).source();
        final int vlan = vlan(frames, first);
        for (final Port port : ports.present()) {
            final Sink[] receivers = port.receivers();
            if (port.index() != source && receivers.length > 0 && port.carries(vlan)) {
                deliver(frames, first, count, receivers);
            }
        }
    }

    private void deliver(final FrameRing frames, final long first, final int count, final Sink[] receivers) {
        int done = 0;
        while (done < count) {
            final Sink queue = queue(frames, first + done, receivers);
            int run = 1;
            while (done + run < count && queue(frames, first + done + run, receivers) == queue) {
                run++;
            }
            if (queue.owner().index() == worker) {
                egress.deliver(frames, first + done, run, queue);
            }
            done += run;
        }
    }

    private static Sink queue(final FrameRing frames, final long sequence, final Sink[] receivers) {
        return Bridge.spread(receivers, frames.get(sequence).flow());
    }

    private static int vlan(final FrameRing frames, final long sequence) {
        return frames.get(sequence).verdict() == Frame.Verdict.FLOOD_VLAN ? VlanTag.vlan(frames.tag(sequence)) : 0;
    }
}
