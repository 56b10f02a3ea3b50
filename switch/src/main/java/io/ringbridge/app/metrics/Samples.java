package io.ringbridge.app.metrics;

import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.DataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot;
import io.prometheus.metrics.model.snapshots.InfoSnapshot.InfoDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricMetadata;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** The values of one scrape. */
final class Samples {
    private final Map<Metric, List<DataPointSnapshot>> points = new EnumMap<>(Metric.class);

    /**
     * Adds a value of a counter or gauge.
     *
     * @param labels the values of the metric's labels
     */
    void add(final Metric metric, final double value, final String... labels) {
        final Labels named = labels(metric, labels);
        put(metric, metric.type() == Metric.Type.COUNTER ? new CounterDataPointSnapshot(value, named, null, 0)
            : new GaugeDataPointSnapshot(value, named, null));
    }

    /** Adds a value of a counter or gauge. Counts are exact up to 2^53. */
    void add(final Metric metric, final long value, final String... labels) {
        add(metric, (double) value, labels);
    }

    /** Adds labels without a value. */
    void addInfo(final Metric metric, final String... labels) {
        put(metric, new InfoDataPointSnapshot(labels(metric, labels)));
    }

    /**
     * Adds a histogram.
     *
     * @param buckets the number of values per bucket
     * @param sum the sum of all values
     * @param labels the values of the metric's labels
     */
    void add(final Metric metric, final ClassicHistogramBuckets buckets, final double sum, final String... labels) {
        put(metric, HistogramDataPointSnapshot.builder().classicHistogramBuckets(buckets).sum(sum)
            .labels(labels(metric, labels)).build());
    }

    private static Labels labels(final Metric metric, final String... values) {
        return Labels.of(metric.labels().toArray(String[]::new), values);
    }

    private void put(final Metric metric, final DataPointSnapshot point) {
        points.computeIfAbsent(metric, _ -> new ArrayList<>()).add(point);
    }

    /** Returns all values, in the order of {@link Metric}. */
    MetricSnapshots snapshots() {
        final List<MetricSnapshot> all = new ArrayList<>();
        points.forEach((metric, values) -> all.add(snapshot(metric, values)));
        return new MetricSnapshots(all);
    }

    private static MetricSnapshot snapshot(final Metric metric, final List<DataPointSnapshot> values) {
        final MetricMetadata about = new MetricMetadata(metric.stem(), metric.help());
        return switch (metric.type()) {
            case COUNTER -> new CounterSnapshot(about, of(values, CounterDataPointSnapshot.class));
            case GAUGE -> new GaugeSnapshot(about, of(values, GaugeDataPointSnapshot.class));
            case HISTOGRAM -> new HistogramSnapshot(about, of(values, HistogramDataPointSnapshot.class));
            case INFO -> new InfoSnapshot(about, of(values, InfoDataPointSnapshot.class));
        };
    }

    private static <T> List<T> of(final List<DataPointSnapshot> values, final Class<T> kind) {
        return values.stream().map(kind::cast).toList();
    }
}
