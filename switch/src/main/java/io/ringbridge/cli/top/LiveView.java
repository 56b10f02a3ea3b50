package io.ringbridge.cli.top;

import org.jline.terminal.Attributes;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.utils.Display;
import org.jline.utils.InfoCmp.Capability;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.time.Duration;
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
    /** The size if the terminal does not know its own. */
    private static final Size COMMON = Size.of(80, 24);

    private final Terminal terminal;
    private final Attributes before;
    private final AtomicBoolean ended = new AtomicBoolean();
    private final AtomicBoolean restored = new AtomicBoolean();

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
        final Thread atEnd = new Thread(view::restore, "top-restore"); // SIGTERM and SIGHUP
        Runtime.getRuntime().addShutdownHook(atEnd);
        try {
            view.show(source, period, colour);
        } finally {
            view.restore();
            removeHook(atEnd);
        }
    }

    private static void removeHook(final Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException _) {
            // The process is already shutting down.
        }
    }

    private void show(final Supplier<Snapshot> source, final Duration period, final boolean colour)
        throws IOException {
        terminal.handle(Terminal.Signal.INT, _ -> ended.set(true));
        terminal.puts(Capability.enter_ca_mode);
        terminal.puts(Capability.cursor_invisible);
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
            display.update(Screen.draw(last, now, size.getColumns(), size.getRows(), colour), 0);
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

    private Size size() {
        final Size size = terminal.getSize();
        return size.getRows() < 1 || size.getColumns() < 1 ? COMMON : size;
    }

    private void restore() {
        ended.set(true);
        if (restored.compareAndSet(false, true)) {
            terminal.puts(Capability.cursor_normal);
            terminal.puts(Capability.exit_ca_mode);
            terminal.setAttributes(before);
            terminal.flush();
        }
    }
}
