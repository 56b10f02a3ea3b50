package io.ringbridge.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Counts the open descriptors of this process, for tests of leaks. */
public final class OpenDescriptors {
    private OpenDescriptors() {
    }

    /** Returns their number without jar files, since the virtual machine opens and closes these at will. */
    public static long count() {
        try (Stream<Path> list = Files.list(Path.of("/proc/self/fd"))) {
            return list.filter(descriptor -> !target(descriptor).endsWith(".jar")).count();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String target(final Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString();
        } catch (final IOException e) {
            return ".jar"; // closed in the meantime
        }
    }
}
