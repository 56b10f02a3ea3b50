package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.api.Json;
import io.ringbridge.api.SwitchControl;
import io.ringbridge.api.UpgradeView;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;

/** Puts another version in the place of a switch that runs. */
@Command(name = "upgrade", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Starts the version that is installed now, and hands it everything the running switch has. Machines stay attached, "
        + "and no frame is lost: for some milliseconds none moves.%n",
    footer = {
        "",
        "The new process is started with the arguments of the old one, and reads the configuration file again. "
            + "Ports have to keep their sockets and queues; all else may change. "
            + "The new process has 120 s to start and to become ready, its build included; --timeout allows more, or "
            + "less. "
            + "If anything fails the old process stays in service, and this command prints the reason; it also prints "
            + "a failure of the new "
            + "process after it has taken over, when there is no way back and the switch ends."})
final class UpgradeCommand implements Callable<Integer> {
    private static final int MAX_SECONDS = 3600;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Option(names = "--binary", paramLabel = "PATH", description = "The program to start; the one that the switch was started with if not "
        + "given.")
    private Path binary;

    @Option(names = "--timeout", paramLabel = "SECONDS",
        description = "How long the new process may take to start and to become ready, 1 to 3600; 120 if not given.")
    private Integer timeout;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Mixin
    private ApiOption api;

    @Override
    public Integer call() {
        if (timeout != null && (timeout < 1 || timeout > MAX_SECONDS)) {
            throw new CommandLine.ParameterException(spec.commandLine(),
                "--timeout " + timeout + " is out of range; 1 to " + MAX_SECONDS + " is allowed");
        }
        final Duration limit = timeout == null ? SwitchControl.UPGRADE_LIMIT : Duration.ofSeconds(timeout);
        final UpgradeView done;
        try (ApiClient client = api.client()) {
            done = client.upgrade(binary == null ? null : binary.toAbsolutePath().toString(), limit);
        }
        spec.commandLine().getOut().println(json ? Json.write(done) : String.format(Locale.ROOT, "process %d goes on with %d ports%s",
            done.pid(), done.ports(),
            done.pauseMillis() == null ? "" : String.format(Locale.ROOT, "; no frame moved for %.1f ms", done.pauseMillis())));
        return CommandLine.ExitCode.OK;
    }
}
