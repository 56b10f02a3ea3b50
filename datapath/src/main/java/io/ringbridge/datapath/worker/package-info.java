/**
 * The workers, which are the threads that move frames: their duty cycle, their sleep, the commands that other threads
 * submit, and the assignment of queues to workers.
 *
 * <p>A worker owns the queues that it polls. Other threads call {@code Workers}.
 */
@NullMarked
package io.ringbridge.datapath.worker;

import org.jspecify.annotations.NullMarked;
