package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.os.Scratch;
import io.ringbridge.datapath.packet.Rarp;
import io.ringbridge.datapath.packet.VlanTag;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.ReceiveQueue;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.ring.Owner;
import org.jspecify.annotations.Nullable;

import java.util.function.LongSupplier;
import java.util.function.Predicate;

/**
 * Delivers the frames in a worker's inbox: runs of frames for one queue through {@link Egress}, and runs that are
 * flooded through {@link FloodEgress}. After an interruption it resumes, and delivers no frame twice.
 *
 * <p>Recovery from an interruption calls {@link #findProgress}, drops the frames that are not to be served again, then
 * calls {@link #endDroppedFlood}, restores the rings, and calls {@link #endRecovery}.
 *
 * <p>Owned by one worker.
 */
public final class Delivery {
    /** The number of frames delivered last whose memory may still have been accessed when a fault is raised. */
    private static final int FRAMES_CHECKED = 128;

    private final Owner owner;
    private final FrameRing frames;
    private final LatencyTimer timer;
    private final Egress egress;
    private final FloodEgress floods;
    /** Has one entry and is never published: a worker delivers the announcements that it builds itself. */
    private final FrameRing announcements = new FrameRing(1, true);
    private final Scratch memory = Scratch.of(Rarp.BYTES);
    private final long announcement = memory.address();
    /** The sequence of the last frame that is delivered or dropped. */
    private long consumed = -1;
    private boolean delivering;
    private boolean announcing;

    /**
     * Creates the delivery of a worker.
     *
     * @param worker the worker's number
     * @param owner the thread that may deliver
     * @param inbox its inbox
     * @param nanoClock the clock for latencies
     * @param recorder records frames that were delivered or dropped
     */
    public Delivery(final int worker, final Owner owner, final Inbox inbox, final PortList ports,
                    final Notifier notifier, final Effort effort, final LongSupplier nanoClock,
                    final FrameRecorder recorder) {
        this.owner = owner;
        frames = inbox.frames();
        timer = new LatencyTimer(inbox.timed(), nanoClock);
        egress = new Egress(worker, owner, notifier, effort, recorder, ports.mirrors());
        floods = new FloodEgress(worker, ports, egress);
    }

    /**
     * Delivers or drops every frame in the inbox.
     *
     * @return the number of frames
     */
    public int deliver() {
        assert owner.isCaller();
        final long last = frames.published();
        final int count = (int) (last - consumed);
        if (count == 0) {
            return 0;
        }
        delivering = true;
        if (floods.isUnderWay()) {
            floods.resume(frames);
            consumed += floods.count();
        }
        final boolean timed = timer.isDue(last);
        if (timed) {
            deliverTimed();
        }
        deliverTo(last);
        egress.flush();
        if (timed) {
            timer.end();
        }
        frames.consumed(last);
        delivering = false;
        return count;
    }

    /** Delivers the frames up to and including the one whose latency is being measured, which is delivered alone. */
    private void deliverTimed() {
        timer.begin();
        final long sequence = timer.sequence();
        deliverTo(sequence - 1);
        final long before = egress.delivered();
        final Frame frame = frames.get(sequence);
        final boolean isNext = sequence == consumed + 1 && frame.verdict() == Frame.Verdict.UNICAST;
        deliverTo(sequence);
        if (isNext && egress.delivered() > before) {
            timer.arrived(frame.receiver());
        }
    }

    /** Delivers or drops the frames up to a sequence. */
    private void deliverTo(final long last) {
        long sequence = consumed + 1;
        while (sequence <= last) {
            final Frame frame = frames.get(sequence);
            int run = 1;
            if (frame.verdict() == Frame.Verdict.UNICAST) {
                final Sink receiver = frame.receiver();
                while (sequence + run <= last && frames.get(sequence + run).isFor(receiver)) {
                    run++;
                }
                egress.deliver(frames, sequence, run, receiver);
            } else if (frame.verdict() != Frame.Verdict.DROP) {
                run = floods.runLength(frames, sequence, last);
                floods.deliver(frames, sequence, run);
            }
            sequence += run;
            consumed = sequence - 1; // a run that a fault interrupts before this resumes at the frame it had reached
        }
    }

    /** Returns whether every frame in the inbox is delivered or dropped. */
    public boolean isDone() {
        return frames.published() == consumed;
    }

    /** Returns the number of frames delivered since the start. Any thread may call; the result may be outdated. */
    public long delivered() {
        return egress.delivered();
    }

    /**
     * Announces a station on every port in the VLAN but the station's own. The worker delivers the announcement to the
     * queues that it owns.
     *
     * @param vlan the VLAN, or 0 if the port is in none
     */
    public void announce(final int port, final long address, final int vlan) {
        Rarp.write(announcement, address);
        final Frame frame = announcements.get(0);
        frame.set(announcement, Rarp.BYTES);
        frame.floodVlan(port, 0);
        announcements.tag(0, VlanTag.none(Rarp.ETHERTYPE, vlan));
        announcing = true;
        floods.deliver(announcements, 0, 1);
        announcing = false;
        egress.flush();
    }

    /** Returns whether the inbox was being delivered when the worker was interrupted. */
    public boolean isUnderWay() {
        return delivering;
    }

    /** Returns the first frame that is not delivered, or null if there is none. */
    public @Nullable Frame current() {
        return isDone() ? null : frames.get(consumed + 1);
    }

    /** Returns the queue that received the last frames, or null if they went to an uplink. */
    public @Nullable ReceiveQueue receiver() {
        return egress.receiver();
    }

    /** Adds the memory of the last frames and of their receivers that may have been accessed. */
    public void addTouched(final TouchedRanges ranges) {
        egress.addTouched(ranges);
        final long first = Math.max(0, consumed - FRAMES_CHECKED);
        for (long sequence = first; sequence <= frames.published(); sequence++) {
            ranges.add(frames.get(sequence), false);
        }
    }

    /** Finds, after an interruption, the frames that are finished. Called before the rings are restored. */
    public void findProgress() {
        final long next = egress.findUnfinished();
        if (announcing) {
            floods.cancel(); // the command runs again
        } else if (floods.isUnderWay()) {
            floods.recordProgress(next);
        } else {
            consumed = Math.max(consumed, next - 1);
        }
    }

    /** Drops the {@linkplain #current current} frame, whose delivery has failed. */
    public void dropCurrent() {
        frames.get(consumed + 1).drop();
        floods.cancel();
    }

    /**
     * Drops the frames in the inbox that meet a condition.
     *
     * @return whether there was one
     */
    public boolean drop(final Predicate<Frame> condition) {
        boolean any = false;
        for (long sequence = consumed + 1; sequence <= frames.published(); sequence++) {
            final Frame frame = frames.get(sequence);
            if (frame.verdict() != Frame.Verdict.DROP && condition.test(frame)) {
                frame.drop();
                any = true;
            }
        }
        return any;
    }

    /** Cancels the interrupted flooding if its first frame was dropped. */
    public void endDroppedFlood() {
        if (floods.isUnderWay() && frames.get(consumed + 1).verdict() == Frame.Verdict.DROP) {
            floods.cancel();
        }
    }

    /** Ends recovery: releases the frames that are finished. The next {@link #deliver} resumes with the others. */
    public void endRecovery() {
        frames.consumed(consumed);
        announcing = false;
        delivering = false;
    }
}
