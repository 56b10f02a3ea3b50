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
    private static final Port[] NONE = {};

    private final int worker;
    private final PortList ports;
    private final Egress egress;
    /** The ports that the run under way goes to, which one is next, and how many frames that has; none while no run is under way. */
    private Port[] receivers = NONE;
    private int at;
    private int done;
    private long first;
    private int count;

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
    void deliver(final FrameRing frames, final long firstOfRun, final int framesOfRun) {
        first = firstOfRun;
        count = framesOfRun;
        at = 0;
        done = 0;
        receivers = ports.present();
        proceed(frames);
    }

    /** Delivers what is left of a run that a fault has interrupted. */
    void proceed(final FrameRing frames) {
        final int source = frames.get(first).source();
        final int vlan = vlan(frames, first);
        final Port[] all = receivers;
        for (int i = at; i < all.length; i++) {
            final Port port = all[i];
            final Sink[] queues = port.receivers();
            if (port.index() != source && queues.length > 0 && port.carries(vlan)) {
                deliver(frames, queues);
            }
            egress.begin(first);
            done = 0;
            at = i + 1;
        }
        receivers = NONE;
    }

    /** Whether a run is under way: between two duty cycles, one that a fault has interrupted. */
    boolean isHalfway() {
        return receivers.length > 0;
    }

    /** Frames of the run under way. */
    int count() {
        return count;
    }

    /**
     * Notes after a fault how far the port has got that was being delivered to.
     *
     * @param next as {@link Egress#leaveOff} returned it
     */
    void leaveOff(final long next) {
        if (next > first + done) {
            done = (int) (next - first);
        }
        egress.begin(first);
    }

    /** Gives up the run under way. */
    void forget() {
        receivers = NONE;
    }

    private void deliver(final FrameRing frames, final Sink[] queues) {
        while (done < count) {
            final Sink queue = queue(frames, first + done, queues);
            int run = 1;
            while (done + run < count && queue(frames, first + done + run, queues) == queue) {
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
