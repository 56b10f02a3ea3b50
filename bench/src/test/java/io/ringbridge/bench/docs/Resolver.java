package io.ringbridge.bench.docs;

import io.ringbridge.datapath.port.DropReason;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Decides whether the names in a piece of code exist: in classes, commands, files or the list of foreign names. */
final class Resolver {
    private static final Pattern SEPARATOR = Pattern.compile("[\\s,;=(){}\\[\\]\"'<>|?&:+*$]+");
    private static final Set<String> SYSTEM_DIRECTORIES =
        Set.of("dev", "etc", "proc", "run", "sys", "tmp", "usr", "var");
    private static final Set<String> NOT_SOURCES = Set.of(".git", "target");

    private final Path root;
    private final Names names;
    private final Commands commands;
    private final ForeignNames foreign = new ForeignNames();
    /** Names of files and properties in build files, columns and values in recorded results. */
    private final Set<String> words = new HashSet<>();

    Resolver(final Path root) throws IOException {
        this.root = root;
        names = new Names(root);
        commands = new Commands(root);
        readFiles(root);
    }

    private void readFiles(final Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            for (final Path file : files.toList()) {
                final String name = file.getFileName().toString();
                words.add(name);
                if (Files.isDirectory(file) && !NOT_SOURCES.contains(name)) {
                    readFiles(file);
                } else if (name.equals("pom.xml") || name.endsWith(".csv")) {
                    words.addAll(Arrays.asList(Files.readString(file).split("[^\\w.-]+", -1)));
                    words.addAll(Arrays.asList(Files.readString(file).split("[^\\w.-]+|_", -1))); // best_gbps
                }
            }
        }
    }

    Names names() {
        return names;
    }

    Commands commands() {
        return commands;
    }

    Set<String> unusedForeignNames() {
        return foreign.unused();
    }

    Optional<String> dropReasonProblem(final String name) {
        return Arrays.stream(DropReason.values()).anyMatch(reason ->
            reason.name().toLowerCase(Locale.ROOT).replace('_', '-').equals(name)) ? Optional.empty()
            : Optional.of("DropReason has no such constant");
    }

    /** Returns why a piece of code contains a name that does not exist; empty if all exist. */
    Optional<String> problem(final String code) {
        if (foreign.contains(code)) {
            return Optional.empty();
        }
        final String[] parts = code.split(" ", 2);
        if (parts.length > 1 && commands.isCommand(parts[0])) {
            return commands.problem("ringbridge " + code);
        }
        if (code.matches("[a-z][a-z0-9-]*: .*") && !parts[1].contains(" ")) {
            final String key = parts[0].substring(0, parts[0].length() - 1);
            if (!names.hasKey(key)) {
                return Optional.of("the package io.ringbridge.config has no key " + key);
            }
        }
        final List<String> tokens = SEPARATOR.splitAsStream(code).filter(token -> !token.isEmpty()).toList();
        return tokens.stream().map(token -> tokenProblem(token, tokens.size() == 1)).flatMap(Optional::stream)
            .findFirst();
    }

    private Optional<String> tokenProblem(final String token, final boolean alone) {
        final String name = token.replaceAll("[.-]+$", "");
        if (!name.matches(".*[A-Za-z]{2}.*") || name.matches("\\d.*|[A-Z]+\\.[a-z]+") || foreign.contains(name)) {
            return Optional.empty();
        }
        if (name.startsWith("-D") || name.startsWith("-P")) {
            return known(names.hasString(name.substring(2)) || words.contains(name.substring(2)),
                "no class reads this property, and no pom.xml has it");
        }
        if (name.startsWith("--")) {
            return known(commands.hasOption(name), "no command has this option");
        }
        if (name.startsWith("rb-")) {
            return known(names.hasStringThatStarts(name.replaceAll("-(?:[A-Z]+|\\d+)$", "")),
                "no thread has a name that begins so");
        }
        if (name.startsWith("io.ringbridge.")) {
            return known(names.hasQualified(name), "there is no such package or class");
        }
        if (name.contains("/")) {
            return pathProblem(name);
        }
        if (name.matches("[A-Z][A-Z0-9_]+")) {
            // A word in capitals stands for a value, unless it is alone.
            return known(!alone && !name.contains("_") || hasConstant(name), "there is no such constant");
        }
        if (name.matches("[A-Z]\\w*\\.\\w+")) {
            return memberProblem(name.substring(0, name.indexOf('.')), name.substring(name.indexOf('.') + 1));
        }
        if (name.matches("[A-Z]\\w+")) {
            return known(names.hasType(name) || !alone && names.hasWord(name), "there is no such class");
        }
        return known(names.hasWord(name) || words.contains(name) || commands.hasWord(name),
            "neither a string, a constant, a component, a package nor a file has this name");
    }

    private Optional<String> memberProblem(final String type, final String member) {
        return names.hasType(type) ? known(names.hasMember(type, member), "the class " + type + " has no member "
            + member) : Optional.of("there is no class " + type);
    }

    /** The specification's names have prefixes that the constants do not have. */
    private boolean hasConstant(final String name) {
        return names.hasConstant(name) || words.contains(name) || names.hasConstant(
            name.replaceFirst("^VHOST_USER_(?:PROTOCOL_F_|BACKEND_)?|^VIRTIO_(?:NET_|RING_)?F_", ""));
    }

    private Optional<String> pathProblem(final String name) {
        final String[] segments = name.split("/", -1);
        if (segments[0].isEmpty()) {
            return SYSTEM_DIRECTORIES.contains(segments[1]) ? Optional.empty()
                : Arrays.stream(segments).filter(segment -> !segment.isEmpty())
                    .map(segment -> tokenProblem(segment, false)).flatMap(Optional::stream).findFirst();
        }
        return known(Files.exists(root.resolve(name)) || Files.exists(root.resolve("switch").resolve(name))
            || names.hasWord(segments[segments.length - 1]) || words.contains(segments[segments.length - 1]),
            "there is no such file, and no program writes it");
    }

    private static Optional<String> known(final boolean known, final String reason) {
        return known ? Optional.empty() : Optional.of(reason);
    }
}
