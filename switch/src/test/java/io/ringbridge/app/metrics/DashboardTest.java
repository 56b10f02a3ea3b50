package io.ringbridge.app.metrics;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.worker.PollMode;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Every query of the Grafana dashboard names metrics and labels that the switch exports. */
class DashboardTest {
    private static final Path FILE =
        Path.of(System.getProperty("ringbridge.root"), "docs/operations/grafana-dashboard.json");
    private static final Pattern METRIC = Pattern.compile("\\b((?:ringbridge|jvm|process)_[a-z_]+)(?:\\{([^}]*)})?");
    private static final Pattern SELECTOR = Pattern.compile("([a-z_]+)(?:=~|!~|!=|=)\"([^\"]*)\"");
    private static final Pattern GROUPING = Pattern.compile("\\bby \\(([a-z_, ]+)\\)");
    private static final Pattern LEGEND = Pattern.compile("\\{\\{([a-z_]+)}}");
    private static final Pattern VARIABLE = Pattern.compile("label_values\\((.*), ([a-z_]+)\\)");

    /** The labels by the names of the samples. */
    private static final Map<String, Set<String>> EXPORTED = new HashMap<>();
    private static JsonNode dashboard;

    @BeforeAll
    static void read() throws IOException {
        dashboard = new ObjectMapper().readTree(Files.readString(FILE));
        try (Datapath datapath = Datapath.start(
            new DatapathOptions(1, List.of(), PollMode.ADAPTIVE, 1024, Duration.ofMinutes(5)), _ -> { })) {
            datapath.mirror("m", datapath.addGuestPort("a", 1, 1500), true, true,
                datapath.addGuestPort("b", 1, 1500));
            new Scrape(new SwitchMetrics(datapath).text()).labels.forEach((name, labels) -> {
                final Set<String> all = new HashSet<>(labels);
                all.addAll(List.of("instance", "job")); // which Prometheus adds
                EXPORTED.put(name, all);
            });
            datapath.ports().forEach(datapath::remove);
        }
    }

    /** Returns the labels of the metrics in a query, after it has checked the query. */
    private static Set<String> check(final String query) {
        final Set<String> labels = new HashSet<>();
        final Matcher metric = METRIC.matcher(query);
        while (metric.find()) {
            final Set<String> own = EXPORTED.get(metric.group(1));
            assertTrue(own != null, metric.group(1) + " is not exported: " + query);
            labels.addAll(own);
            if (metric.group(2) != null) {
                checkSelectors(metric.group(2), own, query);
            }
        }
        assertFalse(labels.isEmpty(), "no metric in: " + query);
        final Matcher grouping = GROUPING.matcher(query);
        while (grouping.find()) {
            for (final String label : grouping.group(1).split(", ", -1)) {
                assertTrue(labels.contains(label), label + " is not a label in: " + query);
            }
        }
        return labels;
    }

    private static void checkSelectors(final String selectors, final Set<String> labels, final String query) {
        final Matcher selector = SELECTOR.matcher(selectors);
        int length = 0;
        while (selector.find()) {
            assertTrue(labels.contains(selector.group(1)), selector.group(1) + " is not a label in: " + query);
            if (selector.group(1).equals("direction")) {
                assertTrue(Set.of("in", "out").contains(selector.group(2)), query);
            }
            length += selector.group().length() + 1;
        }
        assertEquals(selectors.length() + 1, length, "not all understood: " + selectors);
    }

    @Test
    void everyQueryNamesExportedMetricsAndLabels() {
        final Set<Integer> ids = new HashSet<>();
        final List<String> graphs = new ArrayList<>();
        for (final JsonNode panel : dashboard.get("panels")) {
            assertTrue(ids.add(panel.get("id").intValue()), "two panels have the same id");
            for (final JsonNode target : panel.path("targets")) {
                final Set<String> labels = check(target.get("expr").textValue());
                final Matcher legend = LEGEND.matcher(target.get("legendFormat").textValue());
                while (legend.find()) {
                    assertTrue(labels.contains(legend.group(1)), legend.group(1) + ": " + target);
                }
                graphs.add(panel.get("title").textValue());
            }
        }
        assertTrue(graphs.size() > 20, "graphs: " + graphs);
    }

    @Test
    void everyVariableIsALabel() {
        int queries = 0;
        for (final JsonNode variable : dashboard.get("templating").get("list")) {
            final Matcher query = VARIABLE.matcher(variable.path("definition").asText(""));
            if (query.matches()) {
                assertTrue(check(query.group(1)).contains(query.group(2)), query.group());
                queries++;
            }
        }
        assertEquals(2, queries);
    }
}
