package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;

/** Shows the state of a running switch, which formats the tables itself. */
final class ShowCommand extends ClientCommand {
    private static final String PORT = "port";
    private static final List<String> VIEWS = List.of("ports", PORT, "queues", "fdb", "workers", "latency",
        "interruptions", "captures", "mirrors", "config");
    private static final String NEEDED =
        "ports, port, queues, fdb, workers, latency, interruptions, captures, mirrors or config";
    /** The views with counts. */
    private static final List<String> COUNTED = List.of("ports", PORT, "queues", "workers", "mirrors");
    /** The views that may be limited to a port. */
    private static final List<String> OF_PORT = List.of("latency", "interruptions");
    private static final int MAX_SECONDS = 3600;

    private final PositionalParamSpec what = PositionalParamSpec.builder().index("0").paramLabel("WHAT")
        .type(String.class).arity("1").required(true).completionCandidates(VIEWS)
        .description("One of " + NEEDED + ".").build();
    private final PositionalParamSpec name = PositionalParamSpec.builder().index("1").paramLabel("NAME")
        .type(String.class).arity("0..1")
        .description("Name of a port; required for port, possible for latency and interruptions.").build();
    private final OptionSpec watch = OptionSpec.builder("--watch").paramLabel("SECONDS").type(Integer.class)
        .arity("0..1").fallbackValue("1")
        .description("Show again and again, every SECONDS, 1 to 3600; every second if not given.").build();
    private final OptionSpec exact = Specs.flag("--bytes", "Print exact counts instead of 12.3M.");
    private final OptionSpec json = Specs.flag("--json", "Print JSON for programs.");

    ShowCommand() {
        super("show",
            "Shows the ports, one port, queues, stations, workers, latencies, interruptions, captures, mirrors or "
                + "configuration of a running switch. \"In\" counts frames that enter the switch, \"out\" frames that "
                + "leave it; \"/s\" is per second.%n");
        Specs.examples(own().addPositional(what).addPositional(name).addOption(watch).addOption(exact).addOption(json),
            "  ringbridge show ports --watch",
            "  ringbridge show port vm1",
            "  ringbridge show ports --json |",
            "    jq '.[] | select(.state == \"running\") | .name'",
            "  ringbridge show interruptions vm1",
            "  ringbridge show fdb --api /tmp/api.sock");
    }

    @Override
    void check() {
        final String view = what.getValue();
        if (!VIEWS.contains(view)) {
            throw wrong(Usage.unknown(view, VIEWS, NEEDED));
        }
        final String port = name.getValue();
        if (PORT.equals(view) && port == null) {
            throw wrong("missing name: show port NAME");
        }
        if (port != null && !PORT.equals(view) && !OF_PORT.contains(view)) {
            throw wrong("\"show " + view + "\" takes no name; \"show port " + port + "\" shows one port");
        }
        if (Specs.isSet(exact) && !COUNTED.contains(view)) {
            throw wrong("--bytes is for " + String.join(", ", COUNTED));
        }
        final Integer seconds = watch.getValue();
        if (seconds != null && (seconds < 1 || seconds > MAX_SECONDS)) {
            throw wrong("--watch " + seconds + " is out of range; 1 to " + MAX_SECONDS + " is allowed");
        }
    }

    private CommandLine.ParameterException wrong(final String message) {
        return new CommandLine.ParameterException(own().commandLine(), message);
    }

    @Override
    int execute(final ApiClient client, final PrintWriter out) {
        final Integer seconds = watch.getValue();
        if (seconds == null) {
            return super.execute(client, out);
        }
        final boolean redraw = !Specs.isSet(json) && Output.isTerminal();
        Watch.run(() -> request(client), Duration.ofSeconds(seconds), redraw, out);
        return CommandLine.ExitCode.OK;
    }

    @Override
    String request(final ApiClient client) {
        return Specs.isSet(json) ? client.get(path())
            : client.table(path() + (Specs.isSet(exact) ? "?exact=true" : ""));
    }

    private String path() {
        final String port = name.getValue();
        if (port == null) {
            return "/v1/" + what.getValue();
        }
        final String encoded = ApiClient.encoded(port);
        return PORT.equals(what.getValue()) ? "/v1/ports/" + encoded : "/v1/" + what.getValue() + "?port=" + encoded;
    }
}
