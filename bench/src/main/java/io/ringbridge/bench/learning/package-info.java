/**
 * {@code ringbridge bench learning}: how many addresses a bridge remembers, and how fast it learns them (RFC 2889, sections 5.7 and 5.8).
 *
 * <p>A learning guest sends from many addresses, a testing guest then sends to each of them, and a monitoring guest hears the frames whose
 * address the bridge did not know. One thread does everything.
 */
package io.ringbridge.bench.learning;
