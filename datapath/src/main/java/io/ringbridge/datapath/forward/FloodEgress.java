package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.bridge.Bridge;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.packet.VlanTag;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.Sink;

/**
 * Delivers flooded frames, which go to every port but their own. Each queue receives a run at a time: consecutive
 * frames from one port in one VLAN.
 *
 * <p>Every worker delivers to the queues that it owns. Owned by one worker.
 */
final class FloodEgress {
    private static final Port[] NONE = {};

    private final int worker;
    private final PortList ports;
    private final Egress egress;
    /** The ports that receive the current run; empty while there is no run. */
    private Port[] receivers = NONE;
    /** The index of the port that is served next. */
    private int at;
    /** The number of frames of the run that the port has received. */
    private int done;
    private long first;
    private int count;

    FloodEgress(final int worker, final PortList ports, final Egress egress) {
        this.worker = worker;
        this.ports = ports;
        this.egress = egress;
    }

    /** Returns the length of the run that starts with a frame: consecutive frames that go to the same ports. */
    int runLength(final FrameRing frames, final long first, final long last) {
        final Frame frame = frames.get(first);
        final int vlan = vlan(frames, first);
        int run = 1;
        while (first + run <= last && frames.get(first + run).floodsAs(frame) && vlan(frames, first + run) == vlan) {
            run++;
        }
        return run;
    }

    /** Delivers a {@linkplain #runLength run}. */
    void deliver(final FrameRing frames, final long firstOfRun, final int framesOfRun) {
        first = firstOfRun;
        count = framesOfRun;
        at = 0;
        done = 0;
        receivers = ports.present();
        resume(frames);
    }

    /** Delivers the rest of a run that a fault interrupted. */
    void resume(final FrameRing frames) {
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

    /** Returns whether a run is under way. Between duty cycles, a fault has interrupted that run. */
    boolean isUnderWay() {
        return receivers.length > 0;
    }

    /** Returns the number of frames in the current run. */
    int count() {
        return count;
    }

    /**
     * Records, after a fault, how many frames of the run the current port has received.
     *
     * @param next the result of {@link Egress#findUnfinished}
     */
    void recordProgress(final long next) {
        if (next > first + done) {
            done = (int) (next - first);
        }
        egress.begin(first);
    }

    /** Cancels the current run. */
    void cancel() {
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
