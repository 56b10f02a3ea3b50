/**
 * {@code ringbridge bench}: measures this switch, and other switches by the same method.
 *
 * <p>{@link io.ringbridge.bench.Bench} is the program. No other part of Ringbridge depends on this package.
 */
@NullMarked
package io.ringbridge.bench;

import org.jspecify.annotations.NullMarked;
