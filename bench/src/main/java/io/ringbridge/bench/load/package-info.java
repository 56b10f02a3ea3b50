/**
 * The load on a vhost-user back-end: guests in this process, one per port, each of which sends to the next port.
 *
 * <p>A {@link io.ringbridge.bench.load.Rig} is a set of attached guests. Every port sends to the next one, the last to
 * the first. Each such pair of ports is a lane, with one {@code LaneSender} and one {@code LaneReceiver}. A trial runs
 * one {@link io.ringbridge.bench.load.Load} on all lanes. {@code Generator} threads carry the frames. Each thread has
 * lanes of its own, so threads share nothing while frames are in flight. Everything else belongs to the thread that
 * created the rig. An {@link io.ringbridge.bench.load.Observer} runs trials, and observes the machine during each.
 */
@NullMarked
package io.ringbridge.bench.load;

import org.jspecify.annotations.NullMarked;
