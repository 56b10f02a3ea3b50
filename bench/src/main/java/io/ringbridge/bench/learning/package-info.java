/**
 * {@code ringbridge bench learning}: measures how many addresses a bridge remembers, and how fast it learns them (RFC
 * 2889, sections 5.7 and 5.8).
 *
 * <p>A learning guest sends from many addresses. A testing guest then sends to each of them. A monitoring guest
 * receives the frames whose destination the bridge has not learned. One thread drives all three guests.
 */
@NullMarked
package io.ringbridge.bench.learning;

import org.jspecify.annotations.NullMarked;
