package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

import java.io.PrintWriter;
import java.util.concurrent.Callable;

/** A command that sends one request to a running switch, and prints the answer if it is not empty. */
abstract class ClientCommand implements Callable<Integer> {
    private final CommandSpec spec;
    private final OptionSpec api = ApiOption.spec();

    ClientCommand(final String name, final String description) {
        spec = Specs.command(name, this, description);
    }

    /** Sends the request. Returns the text to print, or an empty string. */
    abstract String request(ApiClient client);

    /** Checks the arguments before the command searches for a switch. */
    void check() {
        // Most commands have nothing to check.
    }

    /**
     * Sends the request and prints the answer.
     *
     * @return the exit status
     */
    int execute(final ApiClient client, final PrintWriter out) {
        final String answer = request(client);
        if (!answer.isEmpty()) {
            out.println(answer);
            out.flush();
        }
        return CommandLine.ExitCode.OK;
    }

    /** Returns the complete model; the option that selects the switch comes last. */
    final CommandSpec spec() {
        if (spec.findOption(api.longestName()) == null) {
            spec.addOption(api);
        }
        return spec;
    }

    /** Returns the model, to which a command adds its own arguments. */
    final CommandSpec own() {
        return spec;
    }

    @Override
    public final Integer call() {
        check();
        try (ApiClient client = ApiOption.client(api)) {
            return execute(client, spec.commandLine().getOut());
        }
    }
}
