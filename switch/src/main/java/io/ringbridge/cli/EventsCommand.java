package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.api.EventView;
import io.ringbridge.api.Json;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

import java.io.PrintWriter;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.concurrent.Callable;

/** Follows the events of a running switch, also over upgrades. */
final class EventsCommand implements Callable<Integer> {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss.SSS");

    private final CommandSpec spec = Specs.command("events", this,
        "Prints the events of the ports and of the switch as they happen, until interrupted.%n");
    private final PositionalParamSpec port = PositionalParamSpec.builder().index("0").paramLabel("PORT")
        .type(String.class).arity("0..1").description("Print only the events of this port and of the switch.").build();
    private final OptionSpec all = Specs.flag("--all", "Begin with the events that the switch still has.");
    private final OptionSpec json = Specs.flag("--json", "Print a JSON object per line for programs.");
    private final OptionSpec api = ApiOption.spec();

    CommandSpec spec() {
        return Specs.examples(spec.addPositional(port).addOption(all).addOption(json).addOption(api),
            "  ringbridge events",
            "  ringbridge events vm1 --all",
            "  ringbridge events --json | jq 'select(.kind == \"failed\")'");
    }

    @Override
    public Integer call() {
        final Thread interrupted = new Thread(() -> Runtime.getRuntime().halt(CommandLine.ExitCode.OK), "rb-ending");
        Runtime.getRuntime().addShutdownHook(interrupted);
        try (ApiClient client = ApiOption.client(api)) {
            new EventReader(client, port.getValue(), Specs.isSet(all)).run(this::print);
        } finally {
            forget(interrupted);
        }
        return CommandLine.ExitCode.OK;
    }

    private static void forget(final Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException _) {
            // A signal is ending this process.
        }
    }

    /** Prints an event, and returns whether somebody still reads. */
    private boolean print(final String event) {
        final PrintWriter out = spec.commandLine().getOut();
        out.println(Specs.isSet(json) ? event : line(Json.read(event, EventView.class)));
        return !out.checkError();
    }

    private static String line(final EventView event) {
        final String time = TIME.format(LocalDateTime.ofInstant(Instant.parse(event.time()), ZoneId.systemDefault()));
        final @Nullable String about = event.port();
        return time + ' ' + (about == null ? "" : about + ": ") + event.text();
    }
}
