package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.api.Json;
import io.ringbridge.api.UpgradeView;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;

/** Puts another version in the place of a switch that runs. */
@Command(name = "upgrade", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Starts the version that is installed now, and hands it everything the running switch has. Machines stay attached, "
        + "and no frame is lost: for some milliseconds none moves.%n",
    footer = {
        "",
        "The new process is started with the arguments of the old one, and reads the configuration file again. Ports have to keep their",
        "sockets and queues; all else may change. If anything fails the old process goes on, and this says what it was; it",
        "also says so if the new process fails after it has taken over, when there is no way back, and the switch ends."})
final class UpgradeCommand implements Callable<Integer> {
    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Option(names = "--binary", paramLabel = "PATH", description = "The program to start; the one that the switch was started with if not "
        + "given.")
    private Path binary;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Mixin
    private ApiOption api;

    @Override
    public Integer call() {
        final UpgradeView done;
        try (ApiClient client = api.client()) {
            done = client.upgrade(binary == null ? null : binary.toAbsolutePath().toString());
        }
        spec.commandLine().getOut().println(json ? Json.write(done) : String.format(Locale.ROOT, "process %d goes on with %d ports%s",
            done.pid(), done.ports(),
            done.pauseMillis() == null ? "" : String.format(Locale.ROOT, "; no frame moved for %.1f ms", done.pauseMillis())));
        return CommandLine.ExitCode.OK;
    }
}
