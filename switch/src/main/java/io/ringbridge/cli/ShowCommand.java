package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

import java.util.List;

/** Shows the state of a running switch, which formats the tables itself. */
final class ShowCommand extends ClientCommand {
    private static final List<String> VIEWS =
        List.of("ports", "queues", "fdb", "workers", "latency", "interruptions", "captures", "config");
    private static final String NEEDED =
        "ports, queues, fdb, workers, latency, interruptions, captures or config";
    /** The views that may be limited to a port. */
    private static final List<String> OF_PORT = List.of("latency", "interruptions");

    private final PositionalParamSpec what = Specs.parameter(0, "WHAT", "One of " + NEEDED + ".");
    private final PositionalParamSpec port = PositionalParamSpec.builder().index("1").paramLabel("PORT")
        .type(String.class).arity("0..1").description("Show only this port; for latency and interruptions.").build();
    private final OptionSpec json = Specs.flag("--json", "Print JSON for programs.");

    ShowCommand() {
        super("show",
            "Shows the ports, queues, stations, workers, latencies, interruptions, captures or configuration of a "
                + "running switch. \"In\" counts frames that enter the switch, \"out\" frames that leave it.%n");
        Specs.examples(own().addPositional(what).addPositional(port).addOption(json),
            "  ringbridge show ports",
            "  ringbridge show ports --json |",
            "    jq '.[] | select(.state == \"running\") | .name'",
            "  ringbridge show interruptions vm1",
            "  ringbridge show fdb --api /tmp/api.sock");
    }

    @Override
    void check() {
        final String name = what.getValue();
        if (!VIEWS.contains(name)) {
            throw new CommandLine.ParameterException(own().commandLine(), Usage.unknown(name, VIEWS, NEEDED));
        }
        if (port.getValue() != null && !OF_PORT.contains(name)) {
            throw new CommandLine.ParameterException(own().commandLine(),
                "show " + name + " takes no PORT; " + String.join(" and ", OF_PORT) + " do");
        }
    }

    @Override
    String request(final ApiClient client) {
        final String name = port.getValue();
        final String path =
            "/v1/" + what.getValue() + (name == null ? "" : "?port=" + ApiClient.encoded(name));
        return Specs.isSet(json) ? client.get(path) : client.table(path);
    }
}
