/**
 * Plots of results: bars with the spread of several trials, and latency over percentile. A
 * {@link io.ringbridge.bench.plot.Page} arranges diagrams under a title, and writes SVG or PNG. Text stays text in SVG,
 * so that it can be searched and restyled.
 *
 * <p>Each object belongs to the thread that created it.
 */
@NullMarked
package io.ringbridge.bench.plot;

import org.jspecify.annotations.NullMarked;
