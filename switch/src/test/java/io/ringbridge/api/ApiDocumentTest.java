package io.ringbridge.api;

import io.ringbridge.app.Switch;
import io.ringbridge.config.ConfigReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Runs the examples of {@code docs/operations/api.md} as printed, and compares what they print. Only the directory of
 * the sockets is another one. {@code ...} stands for any text.
 */
class ApiDocumentTest {
    private static final String PROMPT = "$ ";

    @TempDir
    private Path dir;

    /** A command with the lines that it prints. */
    private record Example(String command, String output) {
    }

    @Test
    void theExamplesPrintWhatTheDocumentShows() throws Exception {
        final List<Example> examples = examples(Files.readString(
            Path.of(System.getProperty("ringbridge.root"), "docs/operations/api.md")));
        assertTrue(examples.size() >= 7, examples.toString());
        try (Switch running = Switch.start(ConfigReader.parse("f", "ports: []"))) {
            running.openApi(dir.resolve("api.sock"));
            for (final Example each : examples) {
                final String printed = run(here(each.command()));
                assertTrue(Pattern.matches("(?s)" + Pattern.quote(here(each.output())).replace("...",
                    "\\E.*\\Q"), printed), each.command() + " prints\n" + printed);
            }
        }
    }

    private String here(final String text) {
        return text.replace("/run/ringbridge", dir.toString());
    }

    private static List<Example> examples(final String document) {
        final List<Example> examples = new ArrayList<>();
        final String[] parts = document.split("```\n", -1);
        for (int i = 1; i < parts.length; i += 2) {
            final StringBuilder output = new StringBuilder();
            String command = "";
            for (final String line : parts[i].lines().toList()) {
                if (line.startsWith(PROMPT)) {
                    if (!command.isEmpty()) {
                        examples.add(new Example(command, output.toString().strip()));
                    }
                    command = line.substring(PROMPT.length());
                    output.setLength(0);
                } else {
                    output.append(line).append('\n');
                }
            }
            examples.add(new Example(command, output.toString().strip()));
        }
        return examples;
    }

    private static String run(final String command) throws IOException, InterruptedException {
        final Process process = new ProcessBuilder("sh", "-c", command).redirectErrorStream(true).start();
        final String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
            .replace("\r", "").strip();
        assertEquals(0, process.waitFor(), printed);
        return printed;
    }
}
