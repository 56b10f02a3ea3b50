package io.ringbridge.bench.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The commands of {@code ringbridge}, as their help describes them. Other tests hold the help to the commands. */
final class Commands {
    private static final Pattern CALL =
        Pattern.compile("(?:^|[\\s(])(?:switch/bin/)?ringbridge\\s+([^#|;)&>\"]+)");
    private static final Pattern OPTION = Pattern.compile("--[a-z][a-z-]*");

    /** The help of each command, by its words, joined by hyphens. */
    private final Map<String, String> help = new HashMap<>();

    Commands(final Path root) {
        try (Stream<Path> files = Files.list(root.resolve("switch/src/main/help"))) {
            help.put("run-all-tests", Files.readString(root.resolve("run-all-tests")));
            for (final Path file : files.toList()) {
                help.put(file.getFileName().toString().replace(".txt", ""), Files.readString(file));
            }
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    boolean isCommand(final String word) {
        return help.containsKey(word) && !word.contains("-") || "qemu-args".equals(word);
    }

    boolean hasOption(final String option) {
        return help.values().stream().anyMatch(text -> names(text, option));
    }

    boolean hasWord(final String word) {
        return help.values().stream().anyMatch(text -> Pattern.compile("(?<![\\w-])" + Pattern.quote(word)
            + "(?![\\w-])").matcher(text).find());
    }

    /** Returns why a line does not call the commands as their help describes it; empty if it does. */
    Optional<String> problem(final String line) {
        final Matcher call = CALL.matcher(line);
        while (call.find()) {
            final Optional<String> problem = problemOf(call.group(1).strip().split("\\s+", -1));
            if (problem.isPresent()) {
                return problem;
            }
        }
        return Optional.empty();
    }

    private Optional<String> problemOf(final String... words) {
        String command = "ringbridge";
        for (final String word : words) {
            final String inner = "ringbridge".equals(command) ? word : command + '-' + word;
            final Matcher option = OPTION.matcher(word);
            if (help.containsKey(inner)) {
                command = inner;
            } else if (option.lookingAt() && !names(help.get(command), option.group())) {
                return Optional.of("the help of \"" + command.replace('-', ' ') + "\" has no option " + option.group());
            } else if (word.matches("[a-z][a-z-]*") && help.get(command).contains("\nCommands:")) {
                return Optional.of('"' + command.replace('-', ' ') + "\" has no command " + word);
            } else if ("show".equals(command) && word.matches("[a-z]+") && !hasWord(word)) {
                return Optional.of("\"show\" cannot show " + word);
            }
        }
        return Optional.empty();
    }

    private static boolean names(final String text, final String option) {
        return Pattern.compile(Pattern.quote(option) + "(?![\\w-])").matcher(text.replace("--[no-]", "--")).find();
    }
}
