package io.ringbridge.app.metrics;

import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.ringbridge.datapath.Datapath;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** The metrics of a switch, of its process and of its JVM. Any thread may call. */
public final class SwitchMetrics {
    /** The media type of {@link #text}. */
    public static final String MEDIA_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

    private static final String DEVELOPMENT = "development";

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();

    /** Registers all metrics. Loads many classes. */
    public SwitchMetrics(final Datapath datapath) {
        final String version = SwitchMetrics.class.getPackage().getImplementationVersion();
        registry.register(new DatapathCollector(datapath, version == null ? DEVELOPMENT : version));
        JvmMetrics.builder().register(registry);
    }

    /** Returns the present values in Prometheus' text format. */
    public String text() {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            writer.write(out, registry.scrape());
        } catch (final IOException e) {
            throw new UncheckedIOException(e); // nothing is written to a file or socket
        }
        return out.toString(StandardCharsets.UTF_8);
    }
}
