package io.ringbridge.app;

/** The formats of the log. */
public enum LogFormat {
    /** A line for people. */
    TEXT,
    /** A JSON object per line. */
    JSON
}
