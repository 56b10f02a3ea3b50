/**
 * The ports of the switch, with their queues, counters and reasons for drops.
 *
 * <p>Sessions and links call a port's commands from their own threads. A command returns when the workers concerned
 * have executed it. Workers own the queues of a port.
 */
@NullMarked
package io.ringbridge.datapath.port;

import org.jspecify.annotations.NullMarked;
