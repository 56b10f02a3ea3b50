package io.ringbridge.config;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Writes a configuration back to its file. Comments, order and layout stay where nothing has changed. */
public final class ConfigFile {
    private ConfigFile() {
    }

    /**
     * Writes ports, mirrors and settings to a file, atomically. The file keeps its owner, its group and its mode.
     *
     * @param wanted the settings {@code workers}, {@code cpus} and {@code poll}, the ports and the mirrors; other
     *     settings stay
     * @throws ConfigException if the file is wrong or cannot be written; it is unchanged then
     */
    public static void write(final Path file, final Config wanted) {
        try {
            final Path real = file.toRealPath();
            final String text = Files.readString(real);
            final String edited = edit(file.toString(), text, wanted);
            if (!edited.equals(text)) {
                replace(real, edited);
            }
        } catch (final IOException e) {
            throw new ConfigException(file + ": cannot be written: " + e.getMessage());
        }
    }

    /** Returns the text of a file with other ports, mirrors and settings. */
    static String edit(final String source, final String text, final Config wanted) {
        final Config before = ConfigReader.parse(source, text);
        final ConfigText edited = new ConfigText(text);
        final int without = edited.has("workers") ? before.workers() : ConfigReader.workersFor(wanted.cpus());
        if (wanted.workers() != without) {
            edited.set("workers", edited.value(wanted.workers()));
        }
        if (!before.cpus().equals(wanted.cpus())) {
            edited.set("cpus", edited.value(wanted.cpus()));
        }
        if (before.poll() != wanted.poll()) {
            edited.set("poll", edited.value(Spelling.word(wanted.poll())));
        }
        final Map<String, PortConfig> ports = new HashMap<>();
        wanted.ports().forEach(port -> ports.put(port.name(), port));
        final boolean[] kept = new boolean[before.ports().size()];
        for (int i = 0; i < kept.length; i++) {
            final PortConfig old = before.ports().get(i);
            final PortConfig port = ports.remove(old.name());
            kept[i] = port != null;
            if (port != null) {
                change(edited, i, port, old);
            }
        }
        edited.list("ports", kept, wanted.ports().stream().filter(port -> ports.containsKey(port.name()))
            .map(PortConfig::shown).toList());
        editMirrors(edited, before.mirrors(), wanted.mirrors());
        final String result = edited.edited();
        check(source, ConfigReader.parse(source, result), wanted);
        return result;
    }

    private static void editMirrors(final ConfigText edited, final List<MirrorConfig> before,
                                    final List<MirrorConfig> wanted) {
        final boolean[] kept = new boolean[before.size()];
        for (int i = 0; i < kept.length; i++) {
            kept[i] = wanted.contains(before.get(i));
        }
        edited.list("mirrors", kept,
            wanted.stream().filter(mirror -> !before.contains(mirror)).map(MirrorConfig::shown).toList());
    }

    private static void change(final ConfigText edited, final int index, final PortConfig port, final PortConfig old) {
        for (final PortKey key : port.differences(old)) {
            if (port.kind() == old.kind() || PortKey.of(port.kind()).contains(key)) {
                edited.set("ports", index, key.word(), edited.value(port.shown(key).orElse(null)));
            }
        }
    }

    /** Refuses a result that does not have the ports and settings: a file is never made wrong. */
    private static void check(final String source, final Config result, final Config wanted) {
        final List<PortConfig> ports = result.ports();
        if (!Set.copyOf(result.mirrors()).equals(Set.copyOf(wanted.mirrors()))
            || !ports.containsAll(wanted.ports()) || ports.size() != wanted.ports().size()
            || result.workers() != wanted.workers() || !result.cpus().equals(wanted.cpus())
            || result.poll() != wanted.poll()) {
            throw new ConfigException(source
                + ": its layout cannot be edited; write each port and each mirror as one mapping in a list");
        }
    }

    private static void replace(final Path file, final String text) throws IOException {
        final Path directory = file.getParent();
        assert directory != null : "a real path has a parent";
        final PosixFileAttributes old = Files.readAttributes(file, PosixFileAttributes.class);
        final Path next = Files.createTempFile(directory, "." + file.getFileName() + "-", "");
        try {
            try (FileChannel out = FileChannel.open(next, StandardOpenOption.WRITE)) {
                final ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
                while (bytes.hasRemaining()) {
                    out.write(bytes);
                }
                out.force(true);
            }
            final PosixFileAttributeView attributes = Files.getFileAttributeView(next, PosixFileAttributeView.class);
            attributes.setGroup(old.group());
            attributes.setOwner(old.owner());
            attributes.setPermissions(old.permissions());
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(next);
        }
    }
}
