package io.ringbridge.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The rules that several keys share. */
final class Rules {
    static final Rule<PortKind> KIND = new Kind();
    static final Rule<Boolean> FLAG = new Flag();
    static final Rule<Path> SOCKET = new Socket();
    static final Rule<Path> CAPTURE = new Capture();
    static final Rule<Integer> PERMISSIONS = new Permissions();
    static final Rule<String> MAC = new Mac();
    static final Rule<String> USER = new Account("user", "USER");
    static final Rule<String> GROUP = new Account("group", "GROUP");
    static final Rule<String> DESCRIPTION = new Text(PortLimits.DESCRIPTION.asMatchPredicate(),
        PortLimits.DESCRIPTION_RULE, "TEXT", true);
    static final Rule<String> NAME =
        new Text(PortLimits.NAME.asMatchPredicate(), PortLimits.NAME_RULE, "NAME", false);
    static final Rule<String> DEVICE = new Text(PortLimits::isDevice, PortLimits.DEVICE_RULE, "DEVICE", true);

    private Rules() {
    }

    static Rule<Integer> integer(final int min, final int max) {
        return new Range(min, max);
    }

    static Rule<Integer> either(final int low, final int high) {
        return new Either(low, high);
    }

    static <E extends Enum<E>> Rule<E> choice(final List<E> constants) {
        return new Choice<>(constants);
    }

    /** Suggests a kind for a misspelt one. */
    private record Kind() implements Rule<PortKind> {
        private static final List<String> WORDS = Stream.of(PortKind.values()).map(PortKind::word).toList();

        @Override
        public Optional<PortKind> read(final Section section, final String key) {
            return section.text(key, allowed()).map(word -> {
                final int index = WORDS.indexOf(word);
                if (index < 0) {
                    throw section.refused(key, '"' + word + "\" is not " + allowed()
                        + Spelling.nearest(word, WORDS).map(near -> " (\"" + near + "\"?)").orElse(""),
                        section.value(key).orElse(null), allowed());
                }
                return PortKind.values()[index];
            });
        }

        @Override
        public Object show(final PortKind value) {
            return value.word();
        }

        @Override
        public String allowed() {
            return Spelling.alternatives(WORDS);
        }

        @Override
        public String syntax() {
            return String.join("|", WORDS);
        }
    }

    private record Range(int min, int max) implements Rule<Integer> {
        @Override
        public Optional<Integer> read(final Section section, final String key) {
            return section.integer(key, min, max);
        }

        @Override
        public String allowed() {
            return max == min + 1 ? min + " or " + max : min + " to " + max;
        }

        @Override
        public String syntax() {
            return max == min + 1 ? min + "|" + max : min + ".." + max;
        }
    }

    private record Either(int low, int high) implements Rule<Integer> {
        @Override
        public Optional<Integer> read(final Section section, final String key) {
            return section.integer(key, low, high).map(number -> {
                if (number != low && number != high) {
                    throw section.refused(key, number + " is not " + allowed(),
                        section.value(key).orElse(null), allowed());
                }
                return number;
            });
        }

        @Override
        public String allowed() {
            return low + " or " + high;
        }

        @Override
        public String syntax() {
            return low + "|" + high;
        }
    }

    private record Flag() implements Rule<Boolean> {
        @Override
        public Optional<Boolean> read(final Section section, final String key) {
            return section.bool(key);
        }

        @Override
        public String allowed() {
            return "true or false";
        }

        @Override
        public String syntax() {
            return "true|false";
        }
    }

    private record Choice<E extends Enum<E>>(List<E> constants) implements Rule<E> {
        @Override
        public Optional<E> read(final Section section, final String key) {
            return section.choice(key, constants);
        }

        @Override
        public Object show(final E value) {
            return Spelling.word(value);
        }

        @Override
        public String allowed() {
            return Spelling.alternatives(constants.stream().map(Spelling::word).toList());
        }

        @Override
        public String syntax() {
            return constants.stream().map(Spelling::word).collect(Collectors.joining("|"));
        }
    }

    private record Text(Predicate<String> accepts, String allowed, String syntax, boolean isFreeText)
        implements Rule<String> {
        @Override
        public Optional<String> read(final Section section, final String key) {
            return section.text(key, allowed).map(text -> {
                if (!accepts.test(text)) {
                    throw section.refused(key, text, allowed);
                }
                return text;
            });
        }
    }

    /** A user or a group, by its name or its number. The name is looked up only when it is needed. */
    private record Account(String kind, String syntax) implements Rule<String> {
        @Override
        public Optional<String> read(final Section section, final String key) {
            return section.value(key).map(node -> {
                if (node instanceof final Node.Scalar scalar && PortLimits.ACCOUNT.matcher(scalar.text()).matches()) {
                    return scalar.text();
                }
                throw section.error(key, node.what() + " is not " + allowed());
            });
        }

        @Override
        public String allowed() {
            return "the name or number of a " + kind;
        }

        @Override
        public boolean isFreeText() {
            return true;
        }
    }

    private record Socket() implements Rule<Path> {
        @Override
        public Optional<Path> read(final Section section, final String key) {
            return section.socket(key);
        }

        @Override
        public Object show(final Path value) {
            return value.toString();
        }

        @Override
        public String allowed() {
            return Section.SOCKET;
        }

        @Override
        public String syntax() {
            return "PATH";
        }

        @Override
        public boolean isFreeText() {
            return true;
        }
    }

    private record Capture() implements Rule<Path> {
        @Override
        public Optional<Path> read(final Section section, final String key) {
            return section.text(key, PortLimits.CAPTURE_RULE).map(Path::of);
        }

        @Override
        public Object show(final Path value) {
            return value.toString();
        }

        @Override
        public String allowed() {
            return PortLimits.CAPTURE_RULE;
        }

        @Override
        public String syntax() {
            return "FILE";
        }

        @Override
        public boolean isFreeText() {
            return true;
        }
    }

    private record Permissions() implements Rule<Integer> {
        @Override
        public Optional<Integer> read(final Section section, final String key) {
            return section.permissions(key);
        }

        @Override
        public Object show(final Integer value) {
            return String.format(Locale.ROOT, "%04o", value);
        }

        @Override
        public String allowed() {
            return Section.PERMISSIONS;
        }

        @Override
        public String syntax() {
            return "MODE";
        }
    }

    private record Mac() implements Rule<String> {
        @Override
        public Optional<String> read(final Section section, final String key) {
            return section.mac(key);
        }

        @Override
        public String allowed() {
            return Section.MAC;
        }

        @Override
        public String syntax() {
            return "ADDRESS";
        }
    }
}
