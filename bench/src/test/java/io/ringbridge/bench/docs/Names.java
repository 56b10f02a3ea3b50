package io.ringbridge.bench.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.StringEntry;
import java.lang.reflect.AccessFlag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** The names in the compiled classes of all modules: types with their members, packages, strings and constants. */
final class Names {
    private static final String CONFIG = "io.ringbridge.config.";

    private final Map<String, List<Type>> types = new HashMap<>();
    private final Set<String> packages = new HashSet<>();
    private final Set<String> strings = new HashSet<>();
    private final Set<String> constants = new HashSet<>();
    private final Set<String> words = new HashSet<>();
    private final Set<String> keys = new HashSet<>();

    private record Type(String name, Set<String> members, List<String> supertypes) {
    }

    Names(final Path root) {
        for (final Path module : modules(root)) {
            words.add(module.getFileName().toString());
            for (final String kind : List.of("classes", "test-classes")) {
                final Path directory = module.resolve("target").resolve(kind);
                for (final Path file : classFiles(directory)) {
                    add(module, directory.relativize(file), file);
                }
            }
        }
    }

    private static List<Path> modules(final Path root) {
        try (Stream<Path> files = Files.list(root)) {
            return files.filter(file -> Files.exists(file.resolve("pom.xml"))).toList();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Path> classFiles(final Path directory) {
        try (Stream<Path> files = Files.exists(directory) ? Files.walk(directory) : Stream.empty()) {
            return files.filter(file -> file.toString().endsWith(".class")
                && !file.getFileName().toString().equals("module-info.class")).toList();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void add(final Path module, final Path path, final Path file) {
        final ClassModel model;
        try {
            model = ClassFile.of().parse(file);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        if (!hasSource(module, path.getParent(), model)) {
            return;
        }
        final String name = path.toString().replaceAll("\\.class$", "").replace('/', '.');
        final Set<String> members = new HashSet<>();
        model.methods().forEach(method -> members.add(method.methodName().stringValue()));
        model.fields().forEach(field -> {
            members.add(field.fieldName().stringValue());
            if (field.flags().has(AccessFlag.STATIC)) {
                constants.add(field.fieldName().stringValue());
            }
            if (field.flags().has(AccessFlag.ENUM)) {
                addWords(name, field.fieldName().stringValue());
            }
        });
        model.findAttribute(Attributes.record()).ifPresent(components -> components.components()
            .forEach(component -> addWords(name, component.name().stringValue())));
        words.addAll(members);
        final List<String> supertypes = new ArrayList<>();
        model.superclass().ifPresent(type -> supertypes.add(simple(type.asInternalName())));
        model.interfaces().forEach(type -> supertypes.add(simple(type.asInternalName())));
        types.computeIfAbsent(simple(name), _ -> new ArrayList<>()).add(new Type(name, members, supertypes));
        final String inPackage = name.contains(".") ? name.substring(0, name.lastIndexOf('.')) : "";
        packages.add(inPackage);
        words.add(inPackage.substring(inPackage.lastIndexOf('.') + 1));
        for (final PoolEntry entry : model.constantPool()) {
            if (entry instanceof final StringEntry string) {
                addString(name, string.stringValue());
            }
        }
    }

    /** Whether the source of a class exists. Maven may leave the class of a source that was renamed. */
    private static boolean hasSource(final Path module, final Path inPackage, final ClassModel model) {
        final String source = model.findAttribute(Attributes.sourceFile())
            .map(attribute -> attribute.sourceFile().stringValue()).orElse("");
        return Stream.of("main", "test", "jcstress").anyMatch(kind ->
            Files.exists(module.resolve("src").resolve(kind).resolve("java").resolve(inPackage).resolve(source)));
    }

    /** The constants of enums and the components of records appear in output as words, in several spellings. */
    private void addWords(final String type, final String name) {
        final String snake = name.matches("[A-Z0-9_]+") ? name.toLowerCase(Locale.ROOT)
            : name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
        for (final String word : List.of(name, snake, snake.replace('_', '-'))) {
            words.add(word);
            if (type.startsWith(CONFIG)) {
                keys.add(word);
            }
        }
    }

    private void addString(final String type, final String text) {
        strings.add(text);
        for (final String word : text.split("[^A-Za-z0-9_.-]+", -1)) {
            words.add(word);
            words.add(word.replaceAll("[.-]+$", ""));
        }
        if (type.startsWith(CONFIG)) {
            keys.add(text);
        }
    }

    private static String simple(final String name) {
        return name.substring(Math.max(Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')), name.lastIndexOf('$'))
            + 1);
    }

    boolean hasType(final String simpleName) {
        return types.containsKey(simpleName);
    }

    /** Whether a type with that simple name, or one of its supertypes, has a member with that name. */
    boolean hasMember(final String type, final String member) {
        return types.getOrDefault(type, List.of()).stream().anyMatch(each -> each.members().contains(member)
            || each.supertypes().stream().anyMatch(parent -> !parent.equals(type) && hasMember(parent, member)))
            || types.getOrDefault(member, List.of()).stream().anyMatch(each -> each.name().contains(type + '$'));
    }

    /** Whether that is the full name of a package or a type. */
    boolean hasQualified(final String name) {
        return packages.contains(name) || packages.stream().anyMatch(each -> each.startsWith(name + '.'))
            || types.getOrDefault(simple(name), List.of()).stream()
                .anyMatch(type -> type.name().replace('$', '.').equals(name));
    }

    boolean hasConstant(final String name) {
        return constants.contains(name) || words.contains(name);
    }

    /** Whether a string begins with that text. The names of threads do, whatever is appended. */
    boolean hasStringThatStarts(final String text) {
        return strings.stream().anyMatch(string -> string.startsWith(text));
    }

    boolean hasString(final String text) {
        return strings.contains(text);
    }

    /** Whether a word is a part of any string, or the name of a constant, a component or a package. */
    boolean hasWord(final String word) {
        return words.contains(word);
    }

    /** Whether a word is a string, or the name of a constant, in the package that reads configurations. */
    boolean hasKey(final String key) {
        return keys.contains(key);
    }
}
