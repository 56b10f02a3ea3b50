/**
 * The load that is put on a vhost-user back-end: guests of this process, one a port, whose frames go round the ports.
 *
 * <p>A {@link io.ringbridge.bench.load.Rig} is a set of attached guests. Every port sends to the next one, the last to the first; that is a
 * lane, with one {@code LaneSender} and one {@code LaneReceiver}. A trial is one {@link io.ringbridge.bench.load.Load} on all lanes for a
 * while, carried by {@code Generator} threads, each of which has lanes of its own: nothing is shared while frames go. Everything else
 * belongs to the thread that made the rig.
 */
package io.ringbridge.bench.load;
