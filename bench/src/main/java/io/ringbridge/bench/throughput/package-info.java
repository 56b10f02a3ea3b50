/**
 * {@code ringbridge bench throughput}: measures frames per second at saturation, and the highest rate without loss (RFC
 * 2544, section 26.1).
 *
 * <p>One thread runs the command. The load has its own threads.
 */
@NullMarked
package io.ringbridge.bench.throughput;

import org.jspecify.annotations.NullMarked;
