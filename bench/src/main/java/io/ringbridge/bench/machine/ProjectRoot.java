package io.ringbridge.bench.machine;

import java.nio.file.Files;
import java.nio.file.Path;

/** Finds the source tree that this process runs in. */
public final class ProjectRoot {
    private ProjectRoot() {
    }

    /**
     * Returns the value of the property {@code ringbridge.root}, or the nearest parent directory that looks like the
     * source tree.
     */
    public static Path find() {
        final String given = System.getProperty("ringbridge.root");
        if (given != null) {
            return Path.of(given);
        }
        for (Path directory = Path.of("").toAbsolutePath(); directory != null; directory = directory.getParent()) {
            if (Files.exists(directory.resolve("switch/pom.xml")) && Files.exists(directory.resolve("bench/pom.xml"))) {
                return directory;
            }
        }
        throw new BenchException("not inside the source tree; run this there, or set -Dringbridge.root=DIRECTORY");
    }

    /** Returns the directory for files created by measurements and tests. {@code mvn clean} deletes it. */
    public static Path target() {
        return find().resolve("bench/target");
    }
}
