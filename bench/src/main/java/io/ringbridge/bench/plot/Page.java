package io.ringbridge.bench.plot;

import io.ringbridge.bench.machine.BenchException;
import org.apache.batik.svggen.SVGGeneratorContext;
import org.apache.batik.svggen.SVGGraphics2D;
import org.jfree.chart.JFreeChart;
import org.jspecify.annotations.Nullable;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

import java.awt.Dimension;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;

/**
 * Diagrams in rows and columns, with a title and lines that describe what was measured.
 *
 * @param title what is shown
 * @param notes lines below the title: the machine, the time, the versions
 * @param columns the number of diagrams beside each other
 * @param diagrams the diagrams, row by row
 */
public record Page(String title, List<String> notes, int columns, List<JFreeChart> diagrams) {
    private static final int MARGIN = 14;
    private static final int TITLE_HEIGHT = 30;
    private static final int LINE_HEIGHT = 17;
    private static final int ROW_HEIGHT = 400;
    private static final int SINGLE_WIDTH = 1000;
    private static final int COLUMN_WIDTH = 560;
    private static final String SVG = "http://www.w3.org/2000/svg";

    /** The format of a file, by the extension of its name. */
    public enum Format {
        SVG, PNG;

        /** Returns the format, or null if the extension is neither. */
        public static @Nullable Format of(final Path file) {
            final String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
            return name.endsWith(".svg") ? SVG : name.endsWith(".png") ? PNG : null;
        }
    }

    /**
     * Writes a file in the format of its extension.
     *
     * @param option the option that names the file, for the error message
     */
    public void write(final String option, final Path file) {
        try {
            if (Format.of(file) == Format.PNG) {
                writePng(file);
            } else {
                writeSvg(file);
            }
        } catch (final IOException | ParserConfigurationException e) {
            throw new BenchException(option + " " + file + ": " + e.getMessage(), e);
        } catch (final InternalError | LinkageError | RuntimeException e) {
            throw new BenchException(option + " " + file + ": cannot draw the plot; are fonts installed? " + e, e);
        }
    }

    private void writePng(final Path file) throws IOException {
        final BufferedImage image = new BufferedImage(width(), height(), BufferedImage.TYPE_INT_RGB);
        final Graphics2D graphics = image.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        draw(graphics);
        graphics.dispose();
        ImageIO.write(image, "png", file.toFile());
    }

    private void writeSvg(final Path file) throws IOException, ParserConfigurationException {
        final Document document = DocumentBuilderFactory.newInstance().newDocumentBuilder().getDOMImplementation()
            .createDocument(SVG, "svg", null);
        final SVGGeneratorContext context = SVGGeneratorContext.createDefault(document);
        context.setPrecision(2);
        context.setComment("drawn by: ringbridge bench");
        final SVGGraphics2D graphics = new SVGGraphics2D(context, false);
        graphics.setSVGCanvasSize(new Dimension(width(), height()));
        draw(graphics);
        final Element root = graphics.getRoot();
        root.setAttributeNS(null, "viewBox", "0 0 " + width() + " " + height());
        try (Writer out = Files.newBufferedWriter(file)) {
            graphics.stream(root, out, true, false);
        }
    }

    private int width() {
        return columns == 1 ? SINGLE_WIDTH : columns * COLUMN_WIDTH + 2 * MARGIN;
    }

    private int top() {
        return MARGIN + TITLE_HEIGHT + notes.size() * LINE_HEIGHT + MARGIN;
    }

    private int height() {
        return top() + (diagrams.size() + columns - 1) / columns * ROW_HEIGHT + MARGIN;
    }

    private void draw(final Graphics2D graphics) {
        graphics.setPaint(Look.BACKGROUND);
        graphics.fillRect(0, 0, width(), height());
        graphics.setPaint(Look.INK);
        graphics.setFont(Look.PAGE_TITLE);
        graphics.drawString(title, MARGIN, MARGIN + TITLE_HEIGHT / 2 + 4);
        graphics.setFont(Look.TEXT);
        graphics.setPaint(Look.FAINT_INK);
        for (int i = 0; i < notes.size(); i++) {
            graphics.drawString(notes.get(i), MARGIN, MARGIN + TITLE_HEIGHT + i * LINE_HEIGHT + LINE_HEIGHT / 2);
        }
        final double width = (double) (width() - 2 * MARGIN) / columns;
        for (int i = 0; i < diagrams.size(); i++) {
            final int row = i / columns;
            final int column = i % columns;
            diagrams.get(i).draw(graphics, new Rectangle2D.Double(MARGIN + column * width,
                top() + (double) row * ROW_HEIGHT, width, ROW_HEIGHT));
        }
    }
}
