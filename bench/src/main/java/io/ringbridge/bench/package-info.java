/**
 * {@code ringbridge bench}: what measures this switch, and others with the same means.
 *
 * <p>{@link io.ringbridge.bench.Bench} is the program. Nothing else of Ringbridge depends on it.
 */
package io.ringbridge.bench;
