package io.ringbridge.cli.top;

import org.jline.terminal.Attributes;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.utils.AttributedString;
import org.jline.utils.Display;
import org.jline.utils.InfoCmp.Capability;
import org.jline.utils.Signals;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

/**
 * Shows a switch on a whole terminal, until a person presses q or Ctrl-C. However it ends, the terminal has its earlier
 * mode and contents afterwards.
 */
public final class LiveView {
    /** The time between two looks at the size of the terminal. */
    private static final long LOOK_MILLIS = 200;
    private static final long NANOS_PER_MILLI = 1_000_000;
    private static final int END_OF_INPUT = -1;
    private static final int CTRL_C = 3;
    private static final int SIGHUP = 1;
    private static final int SIGTERM = 15;
    /** The exit status of a process that a signal ends is this, plus the number of the signal. */
    private static final int SIGNALLED = 128;
    /** The size if the terminal does not know its own. */
    private static final Size COMMON = Size.of(80, 24);

    private final Terminal terminal;
    private final Attributes before;
    private final AtomicBoolean ended = new AtomicBoolean();
    /** Guarded by {@code this}: nothing is drawn after it. */
    private boolean restored;

    private LiveView(final Terminal terminal) {
        this.terminal = terminal;
        before = terminal.enterRawMode();
    }

    /**
     * Shows readings until the end.
     *
     * @param source reads the switch; an exception ends the view
     * @param period the interval between two readings
     * @param colour whether to use colours
     */
    public static void run(final Terminal terminal, final Supplier<Snapshot> source, final Duration period,
                           final boolean colour) throws IOException {
        final LiveView view = new LiveView(terminal);
        // A shutdown hook would be too late: JLine closes the terminal in a hook of its own, at the same time.
        final Object onTerm = Signals.register("TERM", () -> view.end(SIGTERM));
        final Object onHangup = Signals.register("HUP", () -> view.end(SIGHUP));
        try {
            view.show(source, period, colour);
        } finally {
            view.restore();
            Signals.unregister("HUP", onHangup);
            Signals.unregister("TERM", onTerm);
        }
    }

    /** Restores the terminal, and ends the process by a signal. On the thread of the signal's handler. */
    private void end(final int signal) {
        restore();
        System.exit(SIGNALLED + signal);
    }

    private void show(final Supplier<Snapshot> source, final Duration period, final boolean colour)
        throws IOException {
        terminal.handle(Terminal.Signal.INT, _ -> ended.set(true));
        enter();
        final Display display = new Display(terminal, true);
        Size size = Size.of(0, 0);
        @Nullable Snapshot last = null;
        Snapshot now = source.get();
        while (!ended.get()) {
            final Size current = size();
            if (!current.equals(size)) {
                size = current;
                display.clear();
                display.resize(size);
            }
            update(display, Screen.draw(last, now, size.getColumns(), size.getRows(), colour));
            final int key = terminal.reader().read(LOOK_MILLIS);
            if (key == 'q' || key == 'Q' || key == CTRL_C || key == END_OF_INPUT) {
                return;
            }
            if (System.nanoTime() - now.nanos() >= period.toNanos() - LOOK_MILLIS * NANOS_PER_MILLI / 2) {
                last = now;
                now = source.get();
            }
        }
    }

    private synchronized void enter() {
        if (!restored) {
            terminal.puts(Capability.enter_ca_mode);
            terminal.puts(Capability.cursor_invisible);
        }
    }

    private synchronized void update(final Display display, final List<AttributedString> lines) {
        if (!restored) {
            display.update(lines, 0);
        }
    }

    private Size size() {
        final Size size = terminal.getSize();
        return size.getRows() < 1 || size.getColumns() < 1 ? COMMON : size;
    }

    private synchronized void restore() {
        ended.set(true);
        if (!restored) {
            restored = true;
            terminal.puts(Capability.cursor_normal);
            terminal.puts(Capability.exit_ca_mode);
            terminal.setAttributes(before);
            terminal.flush();
        }
    }
}
