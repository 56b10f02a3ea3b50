package io.ringbridge.cli;

import io.ringbridge.app.Switch;
import picocli.CommandLine;

/**
 * Closes a switch when the process receives SIGTERM or SIGINT, and exits with status 0. The vhost-user conventions for
 * back-end programs require that status; the JVM's own would be 143.
 */
final class Ending {
    /** The limit after which the process ends even if a session does not close. */
    private static final long PATIENCE_MILLIS = 1500;

    private final Thread hook;

    private Ending(final Switch running) {
        hook = new Thread(() -> {
            final Thread closing = new Thread(running::close, "rb-close");
            closing.setDaemon(true);
            closing.start();
            try {
                closing.join(PATIENCE_MILLIS);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
            System.err.flush();
            Runtime.getRuntime().halt(CommandLine.ExitCode.OK);
        }, "rb-ending");
    }

    static Ending onSignal(final Switch running) {
        final Ending ending = new Ending(running);
        Runtime.getRuntime().addShutdownHook(ending.hook);
        return ending;
    }

    /** Removes the hook, so that the command determines the exit status. */
    void cancel() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException _) {
            // The process is already shutting down.
        }
    }
}
