/**
 * Frames on their way through the switch: references into the sender's memory with a verdict, and the ring that carries
 * them from the worker that took them to the worker that delivers them.
 */
@NullMarked
package io.ringbridge.datapath.frame;

import org.jspecify.annotations.NullMarked;
