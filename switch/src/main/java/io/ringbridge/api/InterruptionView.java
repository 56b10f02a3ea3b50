package io.ringbridge.api;

/**
 * A time in which a port moved no frames although it was to.
 *
 * @param cause a label such as {@code upgrade}
 * @param start the start in ISO 8601
 * @param nanos the length so far, in nanoseconds
 * @param ongoing whether it has not ended
 */
public record InterruptionView(String port, String cause, String start, long nanos, boolean ongoing) {
}
