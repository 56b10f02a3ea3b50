package io.ringbridge.cli;

import io.ringbridge.config.Spelling;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Describes errors in the arguments of a command in one line. */
public final class Usage {
    private static final Pattern CHOICES = Pattern.compile("\\[([A-Za-z_, -]+)] \\(case-insensitive\\)");

    private Usage() {
    }

    /** Returns the line for an error that the parser has found. */
    public static String line(final ParameterException failure) {
        final String first = String.valueOf(failure.getMessage()).lines().findFirst().orElse("wrong usage");
        final String message = CHOICES.matcher(first).replaceAll(choices -> Matcher.quoteReplacement(
            words(choices.group(1))));
        return message + suggestion(failure).map(near -> " (\"" + near + "\"?)").orElse("") + "; see "
            + failure.getCommandLine().getCommandSpec().qualifiedName() + " --help";
    }

    /** Returns the choices as words. Picocli lists a choice twice if its word is not the name of its constant. */
    private static String words(final String choices) {
        return Stream.of(choices.toLowerCase(Locale.ROOT).replace('_', '-').split(", ", -1)).distinct()
            .collect(Collectors.joining(", "));
    }

    private static Optional<String> suggestion(final ParameterException failure) {
        if (!(failure instanceof final UnmatchedArgumentException unmatched) || unmatched.getUnmatched().isEmpty()) {
            return Optional.empty();
        }
        final String wrong = unmatched.getUnmatched().getFirst();
        final List<String> allowed = unmatched.isUnknownOption()
            ? unmatched.getCommandLine().getCommandSpec().options().stream()
            .flatMap(option -> List.of(option.names()).stream()).toList()
            : List.copyOf(unmatched.getCommandLine().getSubcommands().keySet());
        return Spelling.nearest(wrong.split("=", 2)[0], allowed);
    }

    /** Returns the message for a word that is not allowed. */
    static String unknown(final String word, final List<String> allowed, final String needed) {
        return '"' + word + "\" is not " + needed + Spelling.nearest(word, allowed).map(near -> " (\"" + near + "\"?)")
            .orElse("");
    }
}
