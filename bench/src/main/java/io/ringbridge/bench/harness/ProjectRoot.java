package io.ringbridge.bench.harness;

import java.nio.file.Files;
import java.nio.file.Path;

/** Finds the checked-out project that this runs in. */
public final class ProjectRoot {
    private ProjectRoot() {
    }

    /** The property {@code ringbridge.root}, or the nearest directory upwards that looks like it. */
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
        throw new HarnessException("not inside the project: run this in its directory, or give -Dringbridge.root=DIRECTORY");
    }

    /** A directory for what is made while measuring and testing; {@code mvn clean} removes it. */
    public static Path target() {
        return find().resolve("bench/target");
    }
}
