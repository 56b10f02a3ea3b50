package io.ringbridge.app;

import io.ringbridge.api.RuntimeDirectory;
import io.ringbridge.config.GuestPortConfig;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.backend.BackendOptions.Mode;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** Prepares the options of a port's back-end. */
final class PortOptions {
    private PortOptions() {
    }

    /**
     * Returns the options of a guest's port, and creates the directory of its socket if that is below {@code /run}.
     *
     * @param state the directory of the port; empty if no state is kept
     */
    static BackendOptions of(final GuestPortConfig port, final Optional<Path> state) {
        if (port.mode() == Mode.SERVER) {
            port.path().ifPresent(PortOptions::makeDirectory);
        }
        return port.backend().withState(state.orElse(null));
    }

    private static void makeDirectory(final Path socket) {
        try {
            RuntimeDirectory.makeFor(socket);
        } catch (final IOException e) {
            throw new SwitchException("cannot create the directory of socket " + socket + ": " + e.getMessage(), e);
        }
    }
}
