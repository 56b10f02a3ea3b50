package io.ringbridge.cli;

import io.ringbridge.app.Switch;
import picocli.CommandLine;

/**
 * Ends a switch when the process is told to end, with status 0 where a virtual machine would otherwise say 143: that is what the
 * vhost-user conventions want of a back-end program.
 */
final class Ending {
    /** A session that does not let go must not keep the process from ending. */
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

    /** Leaves the status to the command. */
    void cancel() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException _) {
            // The process is being ended this very moment.
        }
    }
}
