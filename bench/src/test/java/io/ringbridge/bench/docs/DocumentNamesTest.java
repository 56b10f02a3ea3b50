package io.ringbridge.bench.docs;

import io.ringbridge.bench.docs.Document.Passage;
import io.ringbridge.bench.machine.ProjectRoot;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Each name in the documents exists: classes, members, tests, threads, keys, commands, options, files and headings. A
 * name of another project is in {@code foreign-names.txt}.
 */
class DocumentNamesTest {
    private static final Path ROOT = ProjectRoot.find();
    private static final Pattern CAMEL = Pattern.compile("(?<![-\\w])[A-Z][a-z0-9]+[A-Z]\\w*(?:\\.\\w+)?");
    /** A name with an asterisk or dots at its end stands for several. */
    private static final Pattern CONSTANT = Pattern.compile("\\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\\b(?!_)");
    private static final Pattern THREAD = Pattern.compile("\\brb-[a-z][\\w-]*");
    private static final Pattern PORT = Pattern.compile("(?:--port|port add) ([a-z]\\S*)");

    private static List<Document> documents;
    private static Resolver resolver;

    @BeforeAll
    static void readDocuments() throws IOException {
        resolver = new Resolver(ROOT);
        final List<Path> files = new ArrayList<>(Stream.of("README.md", "CONTRIBUTING.md", "SECURITY.md",
            "CHANGELOG.md", "bench/results/README.md").map(ROOT::resolve).toList());
        try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
            docs.filter(file -> file.toString().endsWith(".md")).sorted().forEach(files::add);
        }
        documents = files.stream().map(file -> Document.read(ROOT, file)).toList();
    }

    /** Returns the documents about what there is. The changelog is about the past. */
    private static Stream<Document> current() {
        return documents.stream().filter(document -> !document.toString().equals("CHANGELOG.md"));
    }

    private static void assertNone(final List<String> problems) {
        assertEquals("", String.join("\n", problems), problems.size() + " names do not exist:\n"
            + String.join("\n", problems));
    }

    private static List<String> problemsInCode() {
        final List<String> problems = new ArrayList<>();
        current().flatMap(document -> document.spans().stream()).forEach(span ->
            resolver.problem(span.text()).ifPresent(reason -> problems.add(span.problem('`' + span.text() + '`',
                reason))));
        return problems;
    }

    private static List<String> problemsInText() {
        final List<String> problems = new ArrayList<>();
        current().flatMap(document -> Stream.concat(document.prose().stream(), document.blocks().stream()))
            .forEach(passage -> {
                for (final Pattern pattern : List.of(CAMEL, CONSTANT, THREAD)) {
                    final Matcher matcher = pattern.matcher(passage.text());
                    while (matcher.find()) {
                        resolver.problem(matcher.group()).ifPresent(reason ->
                            problems.add(passage.problem(matcher.group(), reason)));
                    }
                }
            });
        return problems;
    }

    @Test
    void namesInCodeExist() {
        assertNone(problemsInCode());
    }

    @Test
    void namesInTextAndCodeBlocksExist() {
        assertNone(problemsInText());
    }

    @Test
    void foreignNamesAreInTheDocuments() {
        problemsInCode();
        problemsInText();
        assertEquals(Set.of(), resolver.unusedForeignNames(), "names in foreign-names.txt that no document contains");
    }

    @Test
    void commandsAndKeysOfPortsExist() {
        final List<String> problems = new ArrayList<>();
        current().flatMap(document -> Stream.concat(document.spans().stream(), document.blocks().stream()))
            .forEach(passage -> {
                resolver.commands().problem(passage.text()).ifPresent(reason ->
                    problems.add(passage.problem(passage.text().strip(), reason)));
                final Matcher port = PORT.matcher(passage.text());
                while (port.find()) {
                    for (final String pair : port.group(1).split(",", -1)) {
                        addUnlessKey(problems, passage, pair.contains("=") ? pair.substring(0, pair.indexOf('=')) : "");
                    }
                }
            });
        assertNone(problems);
    }

    @Test
    void keysAndDropReasonsInTablesExist() {
        final List<String> problems = new ArrayList<>();
        int found = 0;
        for (final Document document : documents) {
            for (final Passage cell : document.firstColumn("key")) {
                addUnlessKey(problems, cell, cell.text());
                found++;
            }
            for (final Passage cell : document.firstColumn("drop")) {
                resolver.dropReasonProblem(cell.text()).ifPresent(reason ->
                    problems.add(cell.problem(cell.text(), reason)));
                found++;
            }
        }
        assertNone(problems);
        assertTrue(found > 50, "too few rows are found: " + found);
    }

    private static void addUnlessKey(final List<String> problems, final Passage passage, final String key) {
        if (!key.isEmpty() && !resolver.names().hasKey(key)) {
            problems.add(passage.problem(key, "the package io.ringbridge.config has no such key"));
        }
    }

    @Test
    void linksLeadToFilesAndHeadings() {
        final List<String> problems = new ArrayList<>();
        for (final Document document : documents) {
            for (final Passage link : document.links()) {
                if (!link.text().matches("[a-z]+:.*")) {
                    linkProblem(document, link.text()).ifPresent(reason ->
                        problems.add(link.problem(link.text(), reason)));
                }
            }
        }
        assertNone(problems);
    }

    private static Optional<String> linkProblem(final Document from, final String link) {
        final String[] parts = link.split("#", 2);
        final Path target = from.resolve(parts[0]);
        if (!Files.exists(target)) {
            return Optional.of("there is no file " + ROOT.relativize(target));
        }
        return parts.length == 1 || Document.read(ROOT, target).anchors().contains(parts[1]) ? Optional.empty()
            : Optional.of(ROOT.relativize(target) + " has no heading with the anchor #" + parts[1]);
    }
}
