package io.ringbridge.config;

import org.jspecify.annotations.Nullable;

import java.nio.file.Path;
import java.util.Optional;

/** The place for state that outlives the process, if it is kept at all. */
public sealed interface State {
    /** The value that disables keeping state. */
    String NONE = "none";

    /**
     * The configuration names no place: the {@code run} command uses the runtime directory, other callers keep no
     * state.
     */
    record Default() implements State {
    }

    /** No state is kept. */
    record None() implements State {
    }

    /** State is kept in a directory. */
    record Directory(Path path) implements State {
    }

    /** Parses the value of the configuration key or the option. */
    static State parse(final String text) {
        return NONE.equals(text) ? new None() : new Directory(Path.of(text));
    }

    /** Returns the directory, or empty if there is none. */
    default Optional<Path> directory() {
        return this instanceof Directory(Path path) ? Optional.of(path) : Optional.empty();
    }

    /** Returns the value of the configuration key, or null for the default. */
    default @Nullable String text() {
        return switch (this) {
            case Default _ -> null;
            case None _ -> NONE;
            case Directory(Path path) -> path.toString();
        };
    }
}
