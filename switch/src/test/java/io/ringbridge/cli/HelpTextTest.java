package io.ringbridge.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import picocli.CommandLine;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Tests the help files that the launcher prints if nothing is built. {@code mvn test -Dringbridge.write-help=true}
 * writes them, here and in the module {@code bench}.
 */
class HelpTextTest {
    private static final Path HELP = Path.of(System.getProperty("ringbridge.root"), "switch/src/main/help");

    @Test
    void everyCommandHasACurrentHelpFile() throws IOException {
        final Map<String, String> texts = new LinkedHashMap<>();
        HelpTexts.collect("ringbridge", Main.line(), texts);
        texts.remove("ringbridge-bench");
        texts.remove("ringbridge-help");
        for (final Map.Entry<String, String> text : texts.entrySet()) {
            final String name = text.getKey().replaceFirst("^ringbridge-", "");
            HelpTexts.check(HELP.resolve(name + ".txt"), text.getValue());
        }
        assertTrue(texts.get("ringbridge").contains("\n  bench "), texts.get("ringbridge"));
    }

    /** An example copied from a terminal of 80 columns has to be one command. */
    @Test
    void examplesFitOnOneLine() {
        Stream.of(Main.line()).flatMap(HelpTexts::all).forEach(command -> {
            for (final String line : command.getCommandSpec().usageMessage().footer()) {
                if (line.startsWith("  ")) {
                    assertTrue(line.length() < CommandLine.Model.UsageMessageSpec.DEFAULT_USAGE_WIDTH, line);
                    assertEquals(line, line.stripTrailing());
                }
            }
        });
    }
}
