package io.ringbridge.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.ringbridge.bench.harness.QemuGuest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.UnaryOperator;

/** A TCP stack and a shell, those of a guest or of a network namespace, which sends files to others. */
final class Host {
    /** The port that transfers go to. */
    static final int PORT = 7001;

    private static final Duration LIMIT = Duration.ofMinutes(2);
    /** As the kernel lists it, 1B59 is the port, and 0A the state of a socket that listens. */
    private static final String LISTENS = "':1B59 0*:0000 0A' /proc/net/tcp /proc/net/tcp6";

    private final UnaryOperator<String> shell;
    private final String directory;

    private Host(final UnaryOperator<String> shell, final String directory) {
        this.shell = shell;
        this.directory = directory;
    }

    static Host of(final QemuGuest guest) {
        return new Host(command -> guest.console().check(command, LIMIT), "/tmp");
    }

    /** Its files go into the directory. */
    static Host of(final NetworkNamespace namespace, final Path directory) {
        return new Host(command -> namespace.run("sh", "-c", command), directory.toString());
    }

    /** Runs a command, which has to succeed, in the directory of its files; what it printed. */
    String run(final String command) {
        return shell.apply("cd " + directory + "; " + command).strip();
    }

    /**
     * Sends a new file to a server on the other host, where it arrives as it was sent. It is sent by sendfile, so that packets may become
     * as large as they can be.
     */
    void assertSends(final Host to, final String address, final int bytes) {
        // What nc reads ends only with nc: it would go when that had ended, and the sender with it.
        to.run("rm -f sum; [ -p open ] || mkfifo open;"
            + " (timeout 120 busybox nc -l -p " + PORT + " <>open | md5sum >sum) >/dev/null 2>&1 &");
        to.run("until grep -qs " + LISTENS + "; do busybox usleep 20000; done");
        final String sent = run("head -c " + bytes + " /dev/urandom >data; md5sum <data;"
            + " timeout 120 busybox nc " + address + ' ' + PORT + " -e busybox cat data");
        assertEquals(sent, to.run("until [ -s sum ]; do busybox usleep 20000; done; cat sum"), "what came to " + address);
    }
}
