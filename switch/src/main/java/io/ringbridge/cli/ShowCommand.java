package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

import java.util.List;

/** Shows what a running switch is doing; the switch itself makes the tables. */
final class ShowCommand extends ClientCommand {
    private static final List<String> WHAT = List.of("ports", "queues", "fdb", "workers", "config");
    private static final String NEEDED = "ports, queues, fdb, workers or config";

    private final PositionalParamSpec what = Specs.parameter(0, "WHAT", "One of " + NEEDED + ".");
    private final OptionSpec json = Specs.flag("--json", "Print JSON, for programs.");

    ShowCommand() {
        super("show",
            "Shows what a running switch is made of and what goes through it. In and out are into and out of the "
                + "switch.%n");
        Specs.examples(own().addPositional(what).addOption(json),
            "  ringbridge show ports",
            "  ringbridge show ports --json |",
            "    jq '.[] | select(.state == \"running\") | .name'",
            "  ringbridge show fdb --api /tmp/api.sock");
    }

    @Override
    void check() {
        final String name = what.getValue();
        if (!WHAT.contains(name)) {
            throw new CommandLine.ParameterException(own().commandLine(), Usage.unknown(name, WHAT, NEEDED));
        }
    }

    @Override
    String ask(final ApiClient client) {
        final String path = "/" + what.getValue();
        return Specs.isSet(json) ? client.get(path) : client.table(path);
    }
}
