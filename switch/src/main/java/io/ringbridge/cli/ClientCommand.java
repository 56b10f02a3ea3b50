package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

import java.io.PrintWriter;
import java.util.concurrent.Callable;

/** A command that asks a running switch for one thing, and prints the answer if there is one. */
abstract class ClientCommand implements Callable<Integer> {
    private final CommandSpec spec;
    private final OptionSpec api = ApiOption.spec();

    ClientCommand(final String name, final String description) {
        spec = Specs.command(name, this, description);
    }

    /** Asks; returns what is to be printed, or nothing. */
    abstract String ask(ApiClient client);

    /** Refuses wrong arguments before a switch is looked for. */
    void check() {
        // Nothing is wrong, as a rule.
    }

    /** The model, to which a command adds what it takes; the option that names the switch comes last. */
    final CommandSpec spec() {
        if (spec.findOption(api.longestName()) == null) {
            spec.addOption(api);
        }
        return spec;
    }

    /** The model without the option that names the switch. */
    final CommandSpec own() {
        return spec;
    }

    @Override
    public final Integer call() {
        check();
        try (ApiClient client = ApiOption.client(api)) {
            final String answer = ask(client);
            if (!answer.isEmpty()) {
                final PrintWriter out = spec.commandLine().getOut();
                out.println(answer);
                out.flush();
            }
        }
        return CommandLine.ExitCode.OK;
    }
}
