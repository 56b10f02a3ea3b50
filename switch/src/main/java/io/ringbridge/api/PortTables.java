package io.ringbridge.api;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Formats the views of ports for people, in at most {@value #WIDTH} columns. */
final class PortTables {
    /** The width of a line of tables and texts, unless a single word is longer. */
    static final int WIDTH = 100;
    private static final int LABEL = 12;
    /** The width of the column VLAN in the list of ports; {@code show port} prints the rest. */
    private static final int VLAN_WIDTH = 10;
    private static final int MOST_REGIONS = 4;

    private PortTables() {
    }

    static void ports(final List<PortView> ports, final Units units, final PrintWriter out) {
        final Table table = new Table("PORT", "STATE", "MTU", "VLAN", "IN", "IN/S", "IN-BYTES", "OUT", "OUT/S",
            "OUT-BYTES", "DROPS");
        for (final PortView port : ports) {
            table.row(port.name(), port.state(), port.mtu(), shortened(vlan(port)), units.count(port.inFrames()),
                units.rate(port.rates().inFrames()), units.count(port.inBytes()), units.count(port.outFrames()),
                units.rate(port.rates().outFrames()), units.count(port.outBytes()), units.count(sum(port.drops())));
        }
        table.print(out);
        for (final PortView port : ports) {
            if (!port.drops().isEmpty()) {
                paragraph(port.name() + ": dropped ", drops(port.drops()), out);
            }
            if (port.why() != null) {
                paragraph(port.name() + ": ", port.state() + " since " + port.since() + "; " + port.why(), out);
            }
        }
        out.flush();
    }

    private static String vlan(final PortView port) {
        final String untagged = port.vlan() == null ? "" : port.vlan().toString();
        return port.trunk() == null ? untagged.isEmpty() ? "-" : untagged
            : "trunk " + String.join(",", port.trunk()) + (untagged.isEmpty() ? "" : " native " + untagged);
    }

    private static String shortened(final String text) {
        return text.length() <= VLAN_WIDTH ? text : text.substring(0, VLAN_WIDTH - 2) + "..";
    }

    static long sum(final Map<String, Long> drops) {
        return drops.values().stream().mapToLong(Long::longValue).sum();
    }

    static String drops(final Map<String, Long> drops) {
        return drops.entrySet().stream().map(drop -> drop.getKey() + ' ' + drop.getValue())
            .collect(Collectors.joining(", "));
    }

    /** Prints everything about one port. */
    static void detail(final PortDetailView detail, final Units units, final PrintWriter out) {
        final PortView port = detail.port();
        out.println(port.name() + ": " + port.state() + " since " + port.since());
        line("type", port.type() + (port.mode() == null ? "" : ", " + port.mode()) + ", " + where(port), out);
        if (port.why() != null) {
            line("problem", port.why(), out);
        }
        final PortDetailView.FrontEnd frontEnd = detail.frontEnd();
        if (frontEnd != null) {
            line("front-end", frontEnd.process() + (frontEnd.since() == null ? "" : ", attached at "
                + frontEnd.since()) + ", " + units.count(frontEnd.kicks()) + " kicks", out);
            line("protocol", words(frontEnd.protocolFeatures()), out);
        }
        if ("vhost-user".equals(port.type())) {
            line("features", words(port.features()), out);
            line("memory", memory(detail.memory()), out);
        }
        line("mtu", Integer.toString(port.mtu()), out);
        line("vlan", vlan(port), out);
        line("in", moved(port.inFrames(), port.inBytes(), port.rates().inFrames(), port.rates().inBytes(), units), out);
        line("out", moved(port.outFrames(), port.outBytes(), port.rates().outFrames(), port.rates().outBytes(), units),
            out);
        line("drops", detail.dropReasons().isEmpty() ? "0" : units.count(sum(port.drops())) + ", "
            + units.rate(port.rates().drops()) + "/s", out);
        for (final PortDetailView.Drop drop : detail.dropReasons()) {
            out.println(" ".repeat(LABEL) + units.count(drop.frames()) + ' ' + drop.reason() + ": " + drop.meaning());
        }
        out.println();
        rings(detail, units, out);
    }

    private static void rings(final PortDetailView detail, final Units units, final PrintWriter out) {
        final Table table = new Table("QUEUE", "KIND", "WORKER", "STATE", "LAYOUT", "SIZE", "POSITION", "FRAMES",
            "BYTES", "DROPS");
        for (final PortDetailView.Ring ring : detail.rings()) {
            final QueueView queue = ring.queue();
            table.row(queue.index(), queue.kind(), queue.worker(),
                !queue.started() ? "stopped" : queue.enabled() ? "enabled" : "disabled",
                queue.layout().isEmpty() ? "-" : queue.layout(), queue.size(),
                ring.position() == null ? "-" : ring.position(), units.count(queue.inFrames() + queue.outFrames()),
                units.count(queue.inBytes() + queue.outBytes()), units.count(sum(queue.drops())));
        }
        table.print(out);
    }

    /** Prints the checks of a port, one per line unless a text is long. */
    static void checks(final List<CheckView> checks, final PrintWriter out) {
        final int names = checks.stream().mapToInt(check -> check.check().length()).max().orElse(0);
        final int states = checks.stream().mapToInt(check -> check.state().length()).max().orElse(0);
        for (final CheckView check : checks) {
            paragraph(padded(check.state(), states + 2) + padded(check.check(), names + 2), check.text(), out);
        }
        out.flush();
    }

    private static String where(final PortView port) {
        return Stream.of(port.socket(), port.device(), port.read(), port.write()).filter(Objects::nonNull)
            .collect(Collectors.joining(", ")) + ", " + port.queues() + (port.queues() == 1 ? " queue" : " queues");
    }

    private static String words(final List<String> features) {
        return features.isEmpty() ? "none negotiated" : String.join(", ", features);
    }

    private static String memory(final List<PortDetailView.Region> regions) {
        if (regions.isEmpty()) {
            return "none in use";
        }
        final String all = Units.memory(regions.stream().mapToLong(PortDetailView.Region::size).sum());
        return all + " in " + regions.size() + (regions.size() == 1 ? " region: " : " regions: ")
            + regions.stream().limit(MOST_REGIONS)
            .map(region -> Units.memory(region.size()) + " at " + region.guestAddress())
            .collect(Collectors.joining(", ")) + (regions.size() > MOST_REGIONS ? ", ..." : "");
    }

    private static String moved(final long frames, final long bytes, final double framesPerSecond,
                                final double bytesPerSecond, final Units units) {
        return units.count(frames) + " frames, " + units.count(bytes) + " bytes; " + units.rate(framesPerSecond)
            + " frames/s, " + units.rate(Byte.SIZE * bytesPerSecond) + " bit/s";
    }

    private static void line(final String label, final String text, final PrintWriter out) {
        paragraph(padded(label, LABEL), text, out);
    }

    /** Prints a text whose further lines are indented like its first one. */
    static void paragraph(final String start, final String text, final PrintWriter out) {
        final List<String> lines = new ArrayList<>();
        final StringBuilder line = new StringBuilder(start);
        boolean first = true;
        for (final String word : text.split(" ", -1)) {
            if (!first && line.length() + 1 + word.length() > WIDTH) {
                lines.add(line.toString());
                line.setLength(0);
                line.repeat(' ', start.length());
                first = true;
            }
            line.append(first ? "" : " ").append(word);
            first = false;
        }
        lines.add(line.toString());
        lines.forEach(out::println);
    }

    private static String padded(final String text, final int width) {
        return text + " ".repeat(Math.max(0, width - text.length()));
    }
}
