/**
 * Compares this switch with other switches on the same machine. The switches take turns with the same load.
 *
 * <p>{@link io.ringbridge.bench.compare.Compare} is the command. A {@code Contender} is a system under test.
 * {@code LoopRig} and {@code BulkRig} are the loads. A {@code Report} has all trials, and derives the results.
 * {@code Limits} are the rates of a processor that only copies the frames. One thread runs everything except the bulk
 * load, which has its own thread. The systems under test run in other processes.
 */
@NullMarked
package io.ringbridge.bench.compare;

import org.jspecify.annotations.NullMarked;
