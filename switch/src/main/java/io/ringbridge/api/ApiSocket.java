package io.ringbridge.api;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Where the API's socket is where nobody says, and whether a place is free. */
public final class ApiSocket {
    private static final String NAME = "ringbridge/api.sock";

    private ApiSocket() {
    }

    /** The places that are looked at, the preferred one first. */
    public static List<Path> places(final Map<String, String> environment) {
        return Stream.of("/run", environment.get("XDG_RUNTIME_DIR")).filter(dir -> dir != null && !dir.isEmpty())
            .map(dir -> Path.of(dir, NAME)).toList();
    }

    /** The first place where a socket can be made; makes its directory. */
    public static Optional<Path> writable(final List<Path> places) {
        return places.stream().filter(place -> {
            final Path directory = place.getParent();
            try {
                if (!Files.isDirectory(directory)) {
                    Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-x---")));
                }
                return Files.isWritable(directory);
            } catch (IOException _) {
                return false;
            }
        }).findFirst();
    }

    /** Whether a process listens at a place. */
    public static boolean isLive(final Path place) {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(place))) {
            return channel.isConnected();
        } catch (IOException _) {
            return false;
        }
    }

    /** Removes what a process has left that is no more; refuses a place that is in use. */
    static void clear(final Path place) throws IOException {
        if (!Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        if (Files.isRegularFile(place) || Files.isDirectory(place)) {
            throw new IOException("the path is taken by something that is no socket");
        }
        if (isLive(place)) {
            throw new IOException("a switch that runs listens there");
        }
        Files.delete(place);
    }
}
