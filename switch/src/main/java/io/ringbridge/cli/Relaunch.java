package io.ringbridge.cli;

import io.ringbridge.control.handover.HandOverException;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Determines the command line of this process, to start a new process with it. */
final class Relaunch {
    /** The option that only an upgrade passes. */
    static final String UPGRADE_FROM = "--upgrade-from";

    /** The path at which the launcher was called. If it is a link, it may point to a new version by now. */
    private static final @Nullable String LAUNCHER = System.getProperty("ringbridge.launcher");

    private Relaunch() {
    }

    /**
     * Returns the command line of a new process.
     *
     * @param program null for the launcher of this process or, without a launcher, its JVM and jar
     * @param arguments the arguments of this process
     */
    static List<String> command(final @Nullable String program, final List<String> arguments) {
        final String launcher = program != null ? program : LAUNCHER;
        final List<String> command = new ArrayList<>();
        if (launcher != null) {
            command.add(launcher);
            command.addAll(arguments);
        } else {
            command.addAll(whole());
        }
        command.removeIf(argument -> argument.startsWith(UPGRADE_FROM + "="));
        return command;
    }

    private static List<String> whole() {
        try {
            final List<String> words = new ArrayList<>(List.of(
                Files.readString(Path.of("/proc/self/cmdline"), StandardCharsets.UTF_8).split("\0", -1)));
            words.removeLast(); // empty, because each word ends with a zero
            words.set(0, Files.readSymbolicLink(Path.of("/proc/self/exe")).toString());
            return words;
        } catch (final IOException e) {
            throw new HandOverException("cannot determine how this process was started: " + e.getMessage(), e);
        }
    }
}
