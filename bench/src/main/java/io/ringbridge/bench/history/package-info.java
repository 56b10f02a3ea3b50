/**
 * {@code ringbridge bench history}: draws the recorded results of {@code bench/results} as a plot.
 *
 * <p>One thread runs the command.
 */
package io.ringbridge.bench.history;
