/**
 * {@code ringbridge bench throughput}: frames a second at saturation, and the most at which none is lost (RFC 2544, section 26.1).
 *
 * <p>One thread does everything; the load has threads of its own.
 */
package io.ringbridge.bench.throughput;
