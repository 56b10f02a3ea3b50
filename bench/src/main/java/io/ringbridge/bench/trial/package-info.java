/**
 * A trial and the state of the machine during it: what disturbed the trial, which trials are comparable, and how the
 * results of several trials are summarized.
 *
 * <p>A {@link io.ringbridge.bench.trial.Probe} measures the processors. A {@link io.ringbridge.bench.trial.Watch}
 * observes one trial, and returns its {@link io.ringbridge.bench.trial.Conditions}. A
 * {@link io.ringbridge.bench.trial.State} is a group of trials with similar conditions, and a
 * {@link io.ringbridge.bench.trial.Spread} summarizes their results. Each object belongs to the thread that created it.
 */
@NullMarked
package io.ringbridge.bench.trial;

import org.jspecify.annotations.NullMarked;
