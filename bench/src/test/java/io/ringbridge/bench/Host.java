package io.ringbridge.bench;

import io.ringbridge.bench.harness.QemuGuest;

import java.nio.file.Path;
import java.time.Duration;
import java.util.function.UnaryOperator;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** The TCP stack and the shell of a guest or of a network namespace, which sends files to other hosts. */
final class Host {
    /** The port of the receiver. */
    static final int PORT = 7001;

    private static final Duration LIMIT = Duration.ofMinutes(2);
    /** In the kernel's list, 1B59 is the port, and 0A the state of a listening socket. */
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

    /** Creates a host whose files are in the directory. */
    static Host of(final NetworkNamespace namespace, final Path directory) {
        return new Host(command -> namespace.run("sh", "-c", command), directory.toString());
    }

    /**
     * Runs a command, which must succeed, in the directory of the host's files.
     *
     * @return its output
     */
    String run(final String command) {
        return shell.apply("cd " + directory + "; " + command).strip();
    }

    /**
     * Sends a new file to a server on the other host, and checks that it arrives unchanged. The sender uses sendfile,
     * so that packets become as large as possible.
     */
    void assertSends(final Host to, final String address, final int bytes) {
        // nc exits when its input ends, and would end the sender too. The FIFO keeps its input open.
        to.run("rm -f sum; [ -p open ] || mkfifo open;"
            + " (timeout 120 busybox nc -l -p " + PORT + " <>open | md5sum >sum) >/dev/null 2>&1 &");
        to.run("until grep -qs " + LISTENS + "; do busybox usleep 20000; done");
        final String sent = run("head -c " + bytes + " /dev/urandom >data; md5sum <data;"
            + " timeout 120 busybox nc " + address + ' ' + PORT + " -e busybox cat data");
        assertEquals(sent, to.run("until [ -s sum ]; do busybox usleep 20000; done; cat sum"), "the file received at "
            + address);
    }
}
