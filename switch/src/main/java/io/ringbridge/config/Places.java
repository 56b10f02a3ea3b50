package io.ringbridge.config;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Detects ports that use the same socket, device or file of the host. Two ports on one device, for example, would
 * receive each other's frames, or forward them in an endless loop.
 */
final class Places {
    private final Map<String, Use> uses = new HashMap<>();

    private record Use(String who, boolean alone) {
    }

    /**
     * A socket, device or file that a port uses.
     *
     * @param key the key that names it
     * @param name the configured value
     * @param identity equal for all names of the same socket, device or file
     * @param alone whether the port has to be its only user
     */
    record Place(PortKey key, String name, String identity, boolean alone) {
        static Place socket(final String path) {
            return new Place(PortKey.SOCKET, path, "socket " + Path.of(path).toAbsolutePath().normalize(), true);
        }

        static Place device(final PortKey key, final String name, final boolean alone) {
            return new Place(key, name, "device " + name, alone);
        }

        static Place file(final PortKey key, final Path path, final boolean alone) {
            return new Place(key, path.toString(), "file " + path.toAbsolutePath().normalize(), alone);
        }
    }

    /** Records a user of a place. Returns the earlier user if the two conflict. */
    Optional<String> claim(final Place place, final String who) {
        return Optional.ofNullable(uses.putIfAbsent(place.identity(), new Use(who, place.alone())))
            .filter(before -> before.alone() || place.alone()).map(Use::who);
    }
}
