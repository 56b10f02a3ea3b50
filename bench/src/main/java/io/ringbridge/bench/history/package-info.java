/**
 * {@code ringbridge bench history}: draws the recorded results of {@code bench/results} as a plot.
 *
 * <p>One thread runs the command.
 */
@NullMarked
package io.ringbridge.bench.history;

import org.jspecify.annotations.NullMarked;
