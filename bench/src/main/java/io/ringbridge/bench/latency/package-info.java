/**
 * {@code ringbridge bench latency}: measures the time from when each frame was due to be sent until it was received.
 *
 * <p>Frames are due on a fixed schedule. If a back-end stalls, the schedule continues, and every frame due during the
 * stall counts as late. This avoids coordinated omission. One thread runs the command. The load has its own threads.
 */
@NullMarked
package io.ringbridge.bench.latency;

import org.jspecify.annotations.NullMarked;
