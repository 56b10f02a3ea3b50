package io.ringbridge.bench.compare;

import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.peer.Program;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** The kernel behind a tap, in the network namespace of a running contender. Its address is 10.78.0.1. */
final class FarEnd {
    /** The tap's name. */
    static final String DEVICE = "rbtap0";
    /** The programs needed to act in another process's network namespace. */
    static final List<String> PROGRAMS = List.of("unshare", "nsenter", "ip");

    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final long pid;

    /** Sets up the tap in the network namespace of a process. Retries because a system may create the tap twice. */
    FarEnd(final long pid) {
        this.pid = pid;
        Await.until("device " + DEVICE, LIMIT, () -> counters().isPresent() && isSetUp());
    }

    private boolean isSetUp() {
        try {
            inside("ip", "addr", "replace", "10.78.0.1/24", "dev", DEVICE);
            inside("ip", "link", "set", DEVICE, "up");
            return true;
        } catch (BenchException _) {
            return false;
        }
    }

    private void inside(final String... command) {
        final String[] whole = new String[4 + command.length];
        System.arraycopy(new String[] {"nsenter", "-t", Long.toString(pid), "-n"}, 0, whole, 0, 4);
        System.arraycopy(command, 0, whole, 4, command.length);
        Program.run(LIMIT, whole);
    }

    /** Returns the bytes that the kernel has received through the tap since the tap was created. */
    long receivedBytes() {
        return Long.parseLong(counters().orElseThrow(() -> new BenchException("device " + DEVICE + " is gone"))[0]);
    }

    /** Returns the device's columns in {@code /proc/net/dev}. */
    private Optional<String[]> counters() {
        try {
            return Files.readAllLines(Path.of("/proc", Long.toString(pid), "net", "dev")).stream().map(String::strip)
                .filter(line -> line.startsWith(DEVICE + ':')).map(line -> line.substring(DEVICE.length() + 1).strip()
                .split("\\s+", -1))
                .findFirst();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
