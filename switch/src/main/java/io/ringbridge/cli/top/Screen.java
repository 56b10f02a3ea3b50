package io.ringbridge.cli.top;

import io.ringbridge.api.Units;
import io.ringbridge.api.WorkerView;
import org.jline.utils.AttributedString;
import org.jline.utils.AttributedStringBuilder;
import org.jline.utils.AttributedStyle;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;

/** Draws what has happened between two readings as the lines of a terminal. */
final class Screen {
    private static final AttributedStyle PLAIN = AttributedStyle.DEFAULT;
    private static final AttributedStyle RED = PLAIN.foreground(AttributedStyle.RED).bold();
    private static final AttributedStyle GREEN = PLAIN.foreground(AttributedStyle.GREEN);
    private static final AttributedStyle YELLOW = PLAIN.foreground(AttributedStyle.YELLOW);
    private static final Units UNITS = new Units(false);
    /** The lines that belong to neither ports nor workers: the sums, two headings, two empty lines and the footer. */
    private static final int OTHER_LINES = 6;
    private static final int BAR = 20;
    private static final int MIN_NAME = 8;

    private final int columns;
    private final boolean colour;
    private final List<AttributedString> lines = new ArrayList<>();

    private Screen(final int columns, final boolean colour) {
        this.columns = columns;
        this.colour = colour;
    }

    /**
     * Draws a screen.
     *
     * @param before the reading before; null if there is none, and rates are not known yet
     * @param colour whether to use colours
     * @return at most {@code rows} lines of at most {@code columns} columns
     */
    static List<AttributedString> draw(final @Nullable Snapshot before, final Snapshot now, final int columns,
                                       final int rows, final boolean colour) {
        final Screen screen = new Screen(columns, colour);
        final List<Flow> flows = Flow.between(before, now);
        final int workers = Math.clamp(now.workers().size(), 0, Math.max(1, (rows - OTHER_LINES) / 2));
        screen.sums(flows);
        screen.line("");
        screen.ports(flows, Math.max(1, rows - OTHER_LINES - workers));
        screen.line("");
        screen.workers(now.workers().subList(0, workers));
        screen.line("q quits");
        return screen.lines.subList(0, Math.min(rows, screen.lines.size()));
    }

    private void sums(final List<Flow> flows) {
        final double drops = flows.stream().mapToDouble(Flow::dropped).sum();
        add(new AttributedStringBuilder().append(String.format(Locale.ROOT,
            "%d ports   in %s/s, %s bit/s   out %s/s, %s bit/s   ", flows.size(),
            UNITS.rate(flows.stream().mapToDouble(Flow::inFrames).sum()),
            UNITS.rate(flows.stream().mapToDouble(Flow::inBits).sum()),
            UNITS.rate(flows.stream().mapToDouble(Flow::outFrames).sum()),
            UNITS.rate(flows.stream().mapToDouble(Flow::outBits).sum())))
            .append("drops " + UNITS.rate(drops) + "/s", style(drops > 0 ? RED : PLAIN)));
    }

    private void ports(final List<Flow> flows, final int most) {
        final int width = flows.stream().mapToInt(flow -> flow.port().name().length()).max().orElse(0);
        final String name = "%-" + Math.max(MIN_NAME, width) + "s ";
        heading(String.format(Locale.ROOT, name + "%-9s %7s %8s %7s %9s %7s  %s", "PORT", "STATE", "IN/S", "IN-BIT/S",
            "OUT/S", "OUT-BIT/S", "DROPS/S", "REASON"));
        final int shown = flows.size() <= most ? flows.size() : most - 1;
        for (final Flow flow : flows.subList(0, shown)) {
            final String state = flow.port().state();
            add(new AttributedStringBuilder().append(String.format(Locale.ROOT, name, flow.port().name()))
                .append(String.format(Locale.ROOT, "%-9s", state), style(ofState(state)))
                .append(String.format(Locale.ROOT, " %7s %8s %7s %9s ", UNITS.rate(flow.inFrames()),
                    UNITS.rate(flow.inBits()), UNITS.rate(flow.outFrames()), UNITS.rate(flow.outBits())))
                .append(String.format(Locale.ROOT, "%7s  %s", UNITS.rate(flow.dropped()), reasons(flow)),
                    style(flow.drops().isEmpty() ? PLAIN : RED)));
        }
        if (shown < flows.size()) {
            line("and " + (flows.size() - shown) + " more");
        }
    }

    private static AttributedStyle ofState(final String state) {
        return switch (state) {
            case "running" -> GREEN;
            case "failed" -> RED;
            default -> YELLOW;
        };
    }

    /** Returns the reasons of drops, or else the problem that keeps the port from working. */
    private static String reasons(final Flow flow) {
        final String why = flow.port().why();
        if (flow.drops().isEmpty()) {
            return Objects.requireNonNullElse(why, "");
        }
        return flow.drops().entrySet().stream().map(drop -> drop.getKey() + ' ' + UNITS.rate(drop.getValue()))
            .collect(Collectors.joining(", "));
    }

    private void workers(final List<WorkerView> workers) {
        heading(String.format(Locale.ROOT, "%-6s %3s %4s %-" + (BAR + 2) + "s %12s %10s %6s", "WORKER", "CPU", "BUSY",
            "", "CYCLES/FRAME", "LONGEST-US", "STALLS"));
        for (final WorkerView worker : workers) {
            final int filled = (int) Math.round(BAR * Math.clamp(worker.busyShare(), 0, 1));
            line(String.format(Locale.ROOT, "%-6d %3s %3.0f%% [%s%s] %12s %10.1f %6d", worker.index(),
                worker.cpu() < 0 ? "any" : Integer.toString(worker.cpu()), 100 * worker.busyShare(),
                "#".repeat(filled), " ".repeat(BAR - filled),
                worker.cyclesPerFrame() == 0 ? "-" : String.format(Locale.ROOT, "%.0f", worker.cyclesPerFrame()),
                worker.longestCycleNanos() / 1e3, worker.stalls()));
        }
    }

    private AttributedStyle style(final AttributedStyle wanted) {
        return colour ? wanted : PLAIN;
    }

    private void heading(final String text) {
        add(new AttributedStringBuilder().append(text, style(PLAIN.bold())));
    }

    private void line(final String text) {
        add(new AttributedStringBuilder().append(text));
    }

    private void add(final AttributedStringBuilder line) {
        lines.add(line.columnSubSequence(0, columns));
    }
}
