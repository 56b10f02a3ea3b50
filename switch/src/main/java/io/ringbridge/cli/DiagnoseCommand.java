package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

import java.io.PrintWriter;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Explains why a machine does not come up. The switch makes the checks. */
final class DiagnoseCommand extends ClientCommand {
    /** The exit status if a check has found a problem. */
    static final int PROBLEM = 3;
    /** A problem in the table, or in JSON. */
    private static final Pattern FOUND = Pattern.compile("(?m)^problem |\"state\":\"problem\"");
    private static final Pattern STATE = Pattern.compile("(?m)^(ok|problem|unknown)(?= )");
    private static final Map<String, String> COLOURS = Map.of("ok", "32", "problem", "1;31", "unknown", "33");

    private final PositionalParamSpec port = Specs.parameter(0, "PORT", "Name of the port.");
    private final OptionSpec json = Specs.flag("--json", "Print JSON for programs.");

    DiagnoseCommand() {
        super("diagnose", "Explains why a virtual machine does not come up: checks the port step by step, from its "
            + "socket to its frames.%n");
        own().addPositional(port).addOption(json).usageMessage().footerHeading("%n").footer(
            "Each line starts with \"ok\", \"problem\", or \"unknown\" if nothing has happened yet that would show "
                + "it. The first problem usually explains the others.",
            "",
            "Exit status: " + PROBLEM + " if there is a problem.");
    }

    @Override
    String request(final ApiClient client) {
        final String path = "/v1/ports/" + ApiClient.encoded(port.getValue()) + "/diagnosis";
        return Specs.isSet(json) ? client.get(path) : client.table(path);
    }

    @Override
    int execute(final ApiClient client, final PrintWriter out) {
        final String checks = request(client);
        out.println(!Specs.isSet(json) && Output.hasColour() ? coloured(checks) : checks);
        out.flush();
        return FOUND.matcher(checks).find() ? PROBLEM : CommandLine.ExitCode.OK;
    }

    static String coloured(final String checks) {
        return STATE.matcher(checks).replaceAll(state -> Matcher.quoteReplacement(
            "\033[" + COLOURS.get(state.group(1)) + 'm' + state.group(1) + "\033[0m"));
    }
}
