package io.ringbridge.config;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** What ports use of the host: of some of it two at once would take each other's frames, or send them round for ever. */
final class Places {
    private final Map<String, Use> uses = new HashMap<>();

    private record Use(String who, boolean alone) {
    }

    /**
     * Something that a port uses.
     *
     * @param key by which it is configured
     * @param name as it is configured
     * @param identity the same for all names of the same thing
     * @param alone whether it has to be the only one that uses it
     */
    record Place(String key, String name, String identity, boolean alone) {
        static Place socket(final String path) {
            return new Place("socket", path, "socket " + Path.of(path).toAbsolutePath().normalize(), true);
        }

        static Place device(final String key, final String name, final boolean alone) {
            return new Place(key, name, "device " + name, alone);
        }

        static Place file(final String key, final Path path, final boolean alone) {
            return new Place(key, path.toString(), "file " + path.toAbsolutePath().normalize(), alone);
        }
    }

    /** Notes who uses a place; returns who does already, if the two cannot both, and null if they can. */
    String take(final Place place, final String who) {
        final Use before = uses.putIfAbsent(place.identity(), new Use(who, place.alone()));
        return before != null && (before.alone() || place.alone()) ? before.who() : null;
    }
}
