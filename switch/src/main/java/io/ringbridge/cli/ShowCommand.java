package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

import java.util.List;

/** Shows the state of a running switch, which formats the tables itself. */
final class ShowCommand extends ClientCommand {
    private static final List<String> VIEWS = List.of("ports", "queues", "fdb", "workers", "config");
    private static final String NEEDED = "ports, queues, fdb, workers or config";

    private final PositionalParamSpec what = Specs.parameter(0, "WHAT", "One of " + NEEDED + ".");
    private final OptionSpec json = Specs.flag("--json", "Print JSON for programs.");

    ShowCommand() {
        super("show",
            "Shows the ports, queues, stations, workers or configuration of a running switch. \"In\" counts frames "
                + "that enter the switch, \"out\" frames that leave it.%n");
        Specs.examples(own().addPositional(what).addOption(json),
            "  ringbridge show ports",
            "  ringbridge show ports --json |",
            "    jq '.[] | select(.state == \"running\") | .name'",
            "  ringbridge show fdb --api /tmp/api.sock");
    }

    @Override
    void check() {
        final String name = what.getValue();
        if (!VIEWS.contains(name)) {
            throw new CommandLine.ParameterException(own().commandLine(), Usage.unknown(name, VIEWS, NEEDED));
        }
    }

    @Override
    String request(final ApiClient client) {
        final String path = "/v1/" + what.getValue();
        return Specs.isSet(json) ? client.get(path) : client.table(path);
    }
}
