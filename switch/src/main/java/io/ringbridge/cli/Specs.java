package io.ringbridge.cli;

import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/**
 * Creates models of commands without annotations and without lambdas.
 *
 * <p>The client commands use such models: reading annotations costs more processor time than the rest of a client
 * command. A lambda with one of picocli's types in its signature keeps the JVM from caching lambdas, because picocli's
 * classes are too old for the cache.
 */
final class Specs {
    private Specs() {
    }

    /** Creates a command with the options that every command has. */
    static CommandSpec command(final String name, final Callable<Integer> action, final String description) {
        final CommandSpec spec = CommandSpec.wrapWithoutInspection(action).name(name);
        spec.usageMessage().sortOptions(false).description(description);
        spec.addOption(OptionSpec.builder("-h", "--help").usageHelp(true)
            .description("Show this help message and exit.").build());
        spec.addOption(OptionSpec.builder("-V", "--version").versionHelp(true)
            .description("Print version information and exit.").build());
        return spec;
    }

    /**
     * Creates a command that requires a subcommand.
     *
     * @param missing the message if the subcommand is missing
     */
    static CommandSpec group(final String name, final String missing, final String description) {
        return new Group(name, missing, description).spec;
    }

    private static final class Group implements Callable<Integer> {
        private final String missing;
        private final CommandSpec spec;

        Group(final String name, final String missing, final String description) {
            this.missing = missing;
            spec = command(name, this, description);
        }

        @Override
        public Integer call() {
            throw new CommandLine.ParameterException(spec.commandLine(), missing);
        }
    }

    /** Adds subcommands to a command that requires one. */
    static CommandSpec with(final CommandSpec spec, final CommandSpec... commands) {
        final List<String> names = new ArrayList<>();
        for (final CommandSpec command : commands) {
            names.add(command.name());
            spec.addSubcommand(command.name(), command);
        }
        spec.usageMessage().synopsisSubcommandLabel(String.join("|", names));
        return spec;
    }

    /** Adds examples to the help of a command. */
    static CommandSpec examples(final CommandSpec spec, final String... examples) {
        spec.usageMessage().footerHeading("%nExamples:%n").footer(examples);
        return spec;
    }

    /** Creates an option without a value. */
    static OptionSpec flag(final String name, final String description) {
        return OptionSpec.builder(name).type(boolean.class).description(description).build();
    }

    /** Creates a required parameter. */
    static PositionalParamSpec parameter(final int index, final String label, final String description) {
        return PositionalParamSpec.builder().index(Integer.toString(index)).paramLabel(label).type(String.class)
            .arity("1")
            .required(true).description(description).build();
    }

    static boolean isSet(final OptionSpec flag) {
        return Boolean.TRUE.equals(flag.getValue());
    }
}
