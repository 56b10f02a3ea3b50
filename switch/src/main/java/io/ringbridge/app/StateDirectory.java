package io.ringbridge.app;

import io.ringbridge.api.RuntimeDirectory;
import io.ringbridge.config.Config;
import io.ringbridge.config.GuestPortConfig;
import io.ringbridge.config.PortConfig;
import io.ringbridge.config.State;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The directory for state that outlives the process. Each port has a subdirectory with the journals of its packed
 * rings and the record of its attachment.
 *
 * <p>A port's directory is named after the port and its socket. A socket belongs to one running switch, so switches may
 * share the state directory. Each switch touches the directories of its ports once per hour, and removes directories
 * that no switch has touched for a day. Any thread may call.
 */
final class StateDirectory {
    /** The interval between calls of {@link #tend}. */
    static final Duration PERIOD = Duration.ofHours(1);
    private static final Logger LOG = LoggerFactory.getLogger(StateDirectory.class);
    private static final Duration KEPT = Duration.ofDays(1);
    private static final String NAME = "state";
    private static final int HASH_BYTES = 8;
    private static final String OWNER_ONLY = "rwx------";
    private static final String OWNER_AND_GROUP = "rwxr-x---";

    private final Path directory;

    StateDirectory(final Path directory) {
        this.directory = directory;
    }

    /**
     * Chooses the state directory of a configuration that names none: beside the default socket of the API.
     *
     * @param apiSockets the default sockets of the API, the preferred one first
     * @return the configuration with an existing directory, or with {@code state: none} if no place is writable
     */
    static Config place(final Config config, final List<Path> apiSockets) {
        if (!(config.state() instanceof State.Default)) {
            return config;
        }
        final List<Path> places = apiSockets.stream().map(socket -> socket.resolveSibling(NAME)).toList();
        for (final Path place : places) {
            try {
                final Path parent = place.getParent();
                assert parent != null : "a sibling has a parent";
                create(parent, OWNER_AND_GROUP);
                create(place, OWNER_ONLY);
                if (Files.isWritable(place)) {
                    return config.withState(new State.Directory(place));
                }
            } catch (final IOException e) {
                LOG.debug("state directory {}: {}", place, e.toString());
            }
        }
        LOG.warn("none of {} is writable, so no state is kept, and guests with packed rings will lose their "
            + "network when this process ends; set \"state: DIRECTORY\", or \"state: none\" to silence this warning",
            places);
        return config.withState(new State.None());
    }

    private static void create(final Path place, final String permissions) throws IOException {
        if (!Files.isDirectory(place)) {
            Files.createDirectory(place,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions)));
        }
    }

    /** Creates the directory, for this user only. An existing one keeps its mode. */
    void make() {
        try {
            RuntimeDirectory.makeFor(directory);
            Files.createDirectories(directory,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(OWNER_ONLY)));
        } catch (final IOException e) {
            throw new SwitchException("cannot create the state directory " + directory + ": " + e.getMessage(), e);
        }
        if (!Files.isWritable(directory)) {
            throw new SwitchException("the state directory " + directory + " is not writable");
        }
    }

    /**
     * Returns the directory of a port, which need not exist; empty for a port whose front-end cannot reconnect.
     */
    Optional<Path> of(final PortConfig port) {
        return port instanceof final GuestPortConfig guest ? guest.path().map(path -> of(port.name(), path))
            : Optional.empty();
    }

    private Path of(final String port, final Path socket) {
        try {
            final byte[] hash = MessageDigest.getInstance("SHA-256")
                .digest(socket.toAbsolutePath().normalize().toString().getBytes(StandardCharsets.UTF_8));
            return directory.resolve(port + "-" + HexFormat.of().formatHex(hash, 0, HASH_BYTES));
        } catch (final NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Removes the state of a port. */
    void remove(final PortConfig port) {
        of(port).ifPresent(StateDirectory::delete);
    }

    /** Touches the directories of this switch's ports, and removes directories that no switch has touched for a day. */
    void tend(final Collection<PortConfig> ports, final Instant now) {
        final Set<Path> own = ports.stream().map(this::of).flatMap(Optional::stream).collect(Collectors.toSet());
        try (DirectoryStream<Path> all = Files.newDirectoryStream(directory)) {
            for (final Path kept : all) {
                if (own.contains(kept)) {
                    Files.setLastModifiedTime(kept, FileTime.from(now));
                } else if (Files.isDirectory(kept, LinkOption.NOFOLLOW_LINKS)
                    && Files.getLastModifiedTime(kept).toInstant().isBefore(now.minus(KEPT))) {
                    delete(kept);
                }
            }
        } catch (final IOException e) {
            LOG.debug("state directory {}: {}", directory, e.toString());
        }
    }

    /** Removes a directory and the files in it. */
    private static void delete(final Path kept) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(kept)) {
            for (final Path file : files) {
                Files.deleteIfExists(file);
            }
            Files.deleteIfExists(kept);
        } catch (final IOException | UncheckedIOException e) {
            LOG.debug("state directory {}: {}", kept, e.toString());
        }
    }
}
