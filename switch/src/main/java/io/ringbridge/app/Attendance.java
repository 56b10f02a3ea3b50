package io.ringbridge.app;

import io.ringbridge.api.Json;
import io.ringbridge.control.backend.ring.PrivateDirectory;
import io.ringbridge.control.event.Event;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * Records whether a front-end is attached to a port, for the next process after a restart.
 *
 * <p>The record is a file that exists while a front-end is attached, and remains if the process ends. It contains the
 * boot ID of the machine: no guest outlives the machine, so a record from another boot is ignored. Used by the port's
 * session.
 */
final class Attendance implements Consumer<Event> {
    private static final Logger LOG = LoggerFactory.getLogger(Attendance.class);
    private static final Path BOOT = Path.of("/proc/sys/kernel/random/boot_id");
    private static final String NAME = "attached.json";

    private final String port;
    private final Path directory;
    private final Path file;
    private final Runnable onArrival;

    /** The content of the file. */
    record Entry(String boot) {
    }

    /**
     * Does not touch the file yet.
     *
     * @param directory the state directory of the port, which need not exist
     * @param onArrival run whenever a front-end has attached
     */
    Attendance(final String port, final Path directory, final Runnable onArrival) {
        this.port = port;
        this.directory = directory;
        file = directory.resolve(NAME);
        this.onArrival = onArrival;
    }

    /** Whether a front-end was attached to the port when the previous process ended. */
    boolean wasAttached() {
        try {
            return Files.exists(file) && Json.read(Files.readString(file), Entry.class).boot().equals(boot());
        } catch (final IOException | RuntimeException e) {
            LOG.debug("port {}: {}: {}", port, file, e.toString()); // the process may have been killed while writing
            return false;
        }
    }

    /** Records that a front-end is attached once its first ring runs, and until it is detached. */
    @Override
    public void accept(final Event event) {
        switch (event.kind()) {
            case RUNNING -> arrived();
            case DETACHED, FAILED -> left();
            default -> {
                // In particular, CLOSED leaves the record to the next process.
            }
        }
    }

    private void arrived() {
        try {
            PrivateDirectory.make(directory);
            Files.writeString(file, Json.write(new Entry(boot())));
        } catch (final IOException e) {
            LOG.warn("port {}: cannot record that its front-end is attached; after a restart, other ports will not "
                + "wait for it: {}", port, e.toString());
        }
        onArrival.run();
    }

    /** Removes the record, so that the next restart does not wait for a front-end. */
    void left() {
        try {
            Files.deleteIfExists(file);
        } catch (final IOException e) {
            LOG.debug("port {}: {}: {}", port, file, e.toString());
        }
    }

    private static String boot() throws IOException {
        return Files.readString(BOOT).strip();
    }
}
