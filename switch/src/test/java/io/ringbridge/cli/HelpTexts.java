package io.ringbridge.cli;

import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** The help texts of commands, as on a terminal of 80 columns. */
final class HelpTexts {
    private HelpTexts() {
    }

    /** Adds the help of a command and its subcommands. The keys are the names, joined by hyphens. */
    static void collect(final String name, final CommandLine line, final Map<String, String> texts) {
        texts.put(name, line.setUsageHelpAutoWidth(false).getUsageMessage(Ansi.OFF));
        line.getSubcommands().forEach((sub, command) -> collect(name + '-' + sub, command, texts));
    }

    static Stream<CommandLine> all(final CommandLine line) {
        return Stream.concat(Stream.of(line), line.getSubcommands().values().stream().flatMap(HelpTexts::all));
    }

    static void check(final Path file, final String text) throws IOException {
        if (Boolean.getBoolean("ringbridge.write-help")) {
            Files.createDirectories(file.getParent());
            Files.writeString(file, text);
        }
        assertEquals(text, Files.exists(file) ? Files.readString(file) : "", file
            + "; mvn test -Dringbridge.write-help=true writes it");
    }
}
