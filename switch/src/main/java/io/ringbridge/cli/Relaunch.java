package io.ringbridge.cli;

import io.ringbridge.control.handover.HandOverException;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** How this process was started, to start another in the same way. */
final class Relaunch {
    /** The option that only an upgrade gives. */
    static final String UPGRADE_FROM = "--upgrade-from";

    /** Where the launcher was called; a link that leads to another version by now is followed anew. */
    private static final String LAUNCHER = System.getProperty("ringbridge.launcher");

    private Relaunch() {
    }

    /**
     * A command line.
     *
     * @param program null for the launcher or, without one, the virtual machine and the jar that this was started with
     * @param arguments those of this process
     */
    static List<String> command(final String program, final List<String> arguments) {
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
            words.removeLast(); // each word ends with a zero
            words.set(0, Files.readSymbolicLink(Path.of("/proc/self/exe")).toString());
            return words;
        } catch (final IOException e) {
            throw new HandOverException("it cannot be told how this process was started: " + e.getMessage(), e);
        }
    }
}
