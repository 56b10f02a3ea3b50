/**
 * Frames on their way through the switch: references into the sender's memory, and the ring that carries them from the
 * worker that took them to the worker that delivers them.
 */
@NullMarked
package io.ringbridge.datapath.frame;

import org.jspecify.annotations.NullMarked;
