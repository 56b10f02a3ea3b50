package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.api.Json;
import io.ringbridge.config.LogLevel;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Shows and changes the log of a running switch. */
final class LogCommand {
    private LogCommand() {
    }

    static CommandSpec spec() {
        final CommandSpec spec = Specs.examples(Specs.group("log", "missing command: level",
            "Shows or changes the log levels of a running switch.%n"),
            "  ringbridge log level                 show the levels",
            "  ringbridge log level debug           log debug messages",
            "  ringbridge log level debug vm1       log those about port vm1 only",
            "  ringbridge log level default vm1     end this exception");
        return Specs.with(spec, new Level().spec());
    }

    private static final class Level extends ClientCommand {
        private static final String PATH = "/v1/log-levels";
        private static final String DEFAULT = "default";
        private static final List<String> LEVELS = Stream.of(LogLevel.values()).map(LogLevel::word).toList();
        private static final String NEEDED = String.join(", ", LEVELS);

        private final PositionalParamSpec level = optional("0", "LEVEL", "One of " + NEEDED + ", or " + DEFAULT
            + " to let the general level apply to PORT again; the levels are shown if not given.");
        private final PositionalParamSpec port = optional("1", "PORT",
            "Name of a port; the general level is changed if not given.");

        Level() {
            super("level",
                "Changes the general level, or that of the messages about one port, and shows the levels.%n");
            own().addPositional(level).addPositional(port);
        }

        private static PositionalParamSpec optional(final String index, final String label, final String description) {
            return PositionalParamSpec.builder().index(index).paramLabel(label).type(String.class).arity("0..1")
                .description(description).build();
        }

        @Override
        void check() {
            final @Nullable String word = level.getValue();
            final List<String> allowed = new ArrayList<>(LEVELS);
            if (port.getValue() != null) {
                allowed.add(DEFAULT);
            }
            if (word != null && !allowed.contains(word)) {
                throw new CommandLine.ParameterException(own().commandLine(),
                    Usage.unknown(word, allowed, String.join(", ", allowed)));
            }
        }

        @Override
        String request(final ApiClient client) {
            final @Nullable String word = level.getValue();
            if (word == null) {
                return client.table(PATH);
            }
            final @Nullable String name = port.getValue();
            final Map<String, @Nullable String> ofPort = new HashMap<>();
            if (name != null) {
                ofPort.put(name, DEFAULT.equals(word) ? null : word);
            }
            return client.change("PATCH", PATH,
                Json.write(name == null ? Map.of("level", word) : Map.of("ports", ofPort)));
        }
    }
}
