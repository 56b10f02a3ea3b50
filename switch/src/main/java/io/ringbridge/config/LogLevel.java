package io.ringbridge.config;

/** The levels of log messages, the most detailed first. */
public enum LogLevel {
    DEBUG, INFO, WARN, ERROR;

    /** Returns the word for input and output. */
    public String word() {
        return Spelling.word(this);
    }
}
