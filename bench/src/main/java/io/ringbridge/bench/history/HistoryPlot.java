package io.ringbridge.bench.history;

import java.util.List;

/**
 * The plot: all panels in two columns, as SVG that follows the reader's colour scheme, light or dark.
 *
 * <p>The text depends on nothing but the results: a test compares the committed file with them. A library for charts
 * draws letters as outlines of the fonts of this machine.
 */
final class HistoryPlot {
    private static final int COLUMNS = 2;

    /** The colours of the curves are those of Okabe and Ito, which people with any colour vision can tell apart. */
    private static final String STYLE = """
        <style>
        .page { fill: #ffffff } text { fill: #24292f; font: 12px system-ui, sans-serif }
        .title { font-size: 14px; font-weight: 600 } .grid { stroke: #d8dee4 }
        .c0 { fill: #0072b2 } .c1 { fill: #e69f00 } .c2 { fill: #009e73 } .c3 { fill: #cc79a7 }
        .l0 { stroke: #0072b2 } .l1 { stroke: #e69f00 } .l2 { stroke: #009e73 } .l3 { stroke: #cc79a7 }
        polyline { fill: none; stroke-width: 2 }
        @media (prefers-color-scheme: dark) {
        .page { fill: #0d1117 } text { fill: #e6edf3 } .grid { stroke: #30363d }
        .c0 { fill: #56b4e9 } .l0 { stroke: #56b4e9 } .c2 { fill: #2fc79a } .l2 { stroke: #2fc79a }
        }
        </style>
        """;

    private HistoryPlot() {
    }

    /** Draws the panels. */
    static String draw(final Results results, final List<Panel> panels) {
        final int width = COLUMNS * Diagram.WIDTH;
        final int height = (panels.size() + COLUMNS - 1) / COLUMNS * Diagram.HEIGHT;
        final StringBuilder page = new StringBuilder();
        page.append("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height
            + "\" viewBox=\"0 0 " + width + ' ' + height + "\">\n");
        page.append("<!-- drawn by: ringbridge bench history -->\n").append(STYLE);
        page.append("<rect class=\"page\" width=\"" + width + "\" height=\"" + height + "\"/>\n");
        for (int i = 0; i < panels.size(); i++) {
            page.append("<g transform=\"translate(" + i % COLUMNS * Diagram.WIDTH + ' '
                + i / COLUMNS * Diagram.HEIGHT + ")\">\n");
            page.append(Diagram.draw(results, panels.get(i))).append("</g>\n");
        }
        return page.append("</svg>\n").toString();
    }
}
