package io.ringbridge.control.transport;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The process at the other end of a connection, for display. It may have passed the connection to another process.
 *
 * @param pid 0 if unknown, as for a process in another PID namespace
 * @param command the name of its program, at most 15 bytes; empty if unknown
 */
public record Peer(long pid, String command) {
    static final Peer UNKNOWN = new Peer(0, "");

    static Peer of(final long pid) {
        return pid <= 0 ? UNKNOWN : new Peer(pid, command(pid));
    }

    private static String command(final long pid) {
        try {
            return printable(Files.readString(Path.of("/proc/" + pid + "/comm"), StandardCharsets.ISO_8859_1).strip());
        } catch (final IOException e) {
            return ""; // the process has ended already
        }
    }

    /** Replaces what is not ASCII: a process chooses its name, which could contain commands for a terminal. */
    private static String printable(final String name) {
        return name.replaceAll("[^ -~]", "?");
    }

    /** Returns the process in words. */
    @Override
    public String toString() {
        return pid == 0 ? "an unknown process" : "process " + pid + (command.isEmpty() ? "" : " (" + command + ")");
    }
}
