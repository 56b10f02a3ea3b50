/**
 * Compares this switch with others on the same machine, with the same work, taking turns.
 *
 * <p>{@link io.ringbridge.bench.compare.Compare} is the command. A {@code Contender} is a system that is measured, {@code LoopRig} and
 * {@code BulkRig} are the loads, a {@code Measurement} is one run, a {@code Report} is all of them. One thread does everything but
 * sending bulk; what is measured runs in other processes.
 */
package io.ringbridge.bench.compare;
