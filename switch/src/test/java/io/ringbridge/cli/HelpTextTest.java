package io.ringbridge.cli;

import io.ringbridge.config.PortKey;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

    /** A path copied from the help has to be whole, whatever the width of the terminal. */
    @ParameterizedTest
    @ValueSource(ints = {80, 100, 132})
    void noWordOfADescriptionIsBroken(final int width) {
        HelpTexts.all(Main.line()).forEach(command -> {
            final String text = command.setUsageHelpAutoWidth(false).setUsageHelpWidth(width)
                .getUsageMessage(CommandLine.Help.Ansi.OFF);
            final Set<String> printed = Stream.of(text.split("\\s+")).collect(Collectors.toSet());
            command.getCommandSpec().options().stream().filter(option -> !option.hidden())
                .flatMap(option -> Stream.of(option.description()))
                .flatMap(line -> Stream.of(line.split("\\s+"))).filter(word -> !word.contains("{"))
                .forEach(word -> assertTrue(printed.contains(word), () -> word + " in:\n" + text));
        });
    }

    /** Keys follow the table: a key that is added there is in the help. */
    @Test
    void theHelpHasEveryKeyOfAPort() {
        final String run = Main.line().getSubcommands().get("run").getUsageMessage(CommandLine.Help.Ansi.OFF);
        for (final PortKey key : PortKey.values()) {
            assertTrue(run.contains("\n  " + key.word() + "=" + key.syntax() + " "), key.word());
        }
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
