package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

/** The operations of the API that monitor a switch. Any thread may call. */
public interface MonitoringControl {
    /** Returns the present values of all metrics. */
    Metrics metrics();

    /** Returns the reason why the switch does not work, or null. */
    @Nullable String failure();

    /** Returns the reason why the switch is not ready for front-ends, or null. */
    @Nullable String unreadiness();

    /** The present values of all metrics, in a format for programs that is named by a media type. */
    record Metrics(String mediaType, String text) {
    }
}
