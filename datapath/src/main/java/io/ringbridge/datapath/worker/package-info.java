/**
 * The workers, which are the threads that move frames: their duty cycle, and the commands that other threads submit.
 *
 * <p>A worker owns the queues that it polls. Other threads call {@code Datapath} and ports.
 */
@NullMarked
package io.ringbridge.datapath.worker;

import org.jspecify.annotations.NullMarked;
