package io.ringbridge.app;

import io.ringbridge.api.Json;
import io.ringbridge.control.backend.Presence;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Records whether a front-end is attached to a port, for the next process after a restart.
 *
 * <p>The record is a file that exists while a front-end is attached, and remains if the process ends. It contains the
 * boot ID of the machine: no guest outlives the machine, so a record from another boot is ignored. Used by the port's
 * session.
 */
final class Attendance implements Presence {
    private static final Logger LOG = LoggerFactory.getLogger(Attendance.class);
    private static final Path BOOT = Path.of("/proc/sys/kernel/random/boot_id");
    private static final String NAME = "attached.json";

    private final String port;
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

    @Override
    public void arrived() {
        try {
            Files.createDirectories(file.getParent());
            Files.writeString(file, Json.write(new Entry(boot())));
        } catch (final IOException e) {
            LOG.warn("port {}: cannot record that its front-end is attached; after a restart, other ports will not "
                + "wait for it: {}", port, e.toString());
        }
        onArrival.run();
    }

    @Override
    public void left() {
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
