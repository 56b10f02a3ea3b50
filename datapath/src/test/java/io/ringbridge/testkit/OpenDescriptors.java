package io.ringbridge.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Counts the open descriptors of this process, for tests of leaks. */
public final class OpenDescriptors {
    /** The JDK's name for the thread of an HTTP client. The thread owns the client's descriptors. */
    private static final String HTTP_CLIENT = "HttpClient-";

    private OpenDescriptors() {
    }

    /**
     * Returns their number without jar files, since the virtual machine opens and closes these at will.
     *
     * <p>First waits until the HTTP clients of earlier tests have ended. The JDK closes their descriptors on threads of
     * its own, some time after the clients are closed or unreachable. The calling test must not have such a client.
     */
    public static long count() {
        Await.until(OpenDescriptors::areHttpClientsGone);
        try (Stream<Path> list = Files.list(Path.of("/proc/self/fd"))) {
            return list.filter(descriptor -> !target(descriptor).endsWith(".jar")).count();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean areHttpClientsGone() {
        if (Thread.getAllStackTraces().keySet().stream().anyMatch(thread -> thread.getName().startsWith(HTTP_CLIENT))) {
            System.gc(); // ends clients that nobody has closed
            return false;
        }
        return true;
    }

    private static String target(final Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString();
        } catch (final IOException e) {
            return ".jar"; // closed in the meantime
        }
    }
}
