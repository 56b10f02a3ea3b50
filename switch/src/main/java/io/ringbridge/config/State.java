package io.ringbridge.config;

import java.nio.file.Path;
import java.util.Optional;

/** Whether, and where, what has to outlive the process is kept. */
public sealed interface State {
    /** The word that turns it off. */
    String NONE = "none";

    /**
     * The configuration names no place: the {@code run} command takes one in the runtime directory, others keep
     * nothing.
     */
    record Default() implements State {
    }

    /** Nothing is kept. */
    record None() implements State {
    }

    /** Kept in a directory. */
    record Directory(Path path) implements State {
    }

    /** Reads the value of a key or an option. */
    static State parse(final String text) {
        return NONE.equals(text) ? new None() : new Directory(Path.of(text));
    }

    /** Returns the directory, or nothing if no place is known. */
    default Optional<Path> directory() {
        return this instanceof Directory(Path path) ? Optional.of(path) : Optional.empty();
    }

    /** Returns the value of the key, or null for the default. */
    default String text() {
        return switch (this) {
            case Default _ -> null;
            case None _ -> NONE;
            case Directory(Path path) -> path.toString();
        };
    }
}
