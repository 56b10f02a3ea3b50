package io.ringbridge.cli;

import com.fasterxml.jackson.core.type.TypeReference;
import io.ringbridge.api.ApiClient;
import io.ringbridge.api.Json;
import io.ringbridge.api.PortView;
import io.ringbridge.api.WorkerView;
import io.ringbridge.app.SwitchException;
import io.ringbridge.cli.top.LiveView;
import io.ringbridge.cli.top.Snapshot;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;

/** Shows a running switch live on a terminal. */
@Command(name = "top", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Shows rates, drops by reason and workers of a running switch, live on the whole terminal. The key q "
        + "quits.%n")
final class TopCommand implements Callable<Integer> {
    private static final int MAX_SECONDS = 3600;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Option(names = "--interval", paramLabel = "SECONDS", defaultValue = "1",
        description = "Time between two readings, 1 to 3600; ${DEFAULT-VALUE} if not given.")
    private int seconds;

    @Mixin
    private ApiOption api;

    @Override
    public Integer call() {
        if (seconds < 1 || seconds > MAX_SECONDS) {
            throw new CommandLine.ParameterException(spec.commandLine(),
                "--interval " + seconds + " is out of range; 1 to " + MAX_SECONDS + " is allowed");
        }
        if (!Output.isTerminal()) {
            throw new SwitchException("top needs a terminal; \"show ports --watch\" prints to files and pipes");
        }
        try (ApiClient client = api.client(); Terminal terminal = TerminalBuilder.builder().system(true).build()) {
            LiveView.run(terminal, () -> read(client), Duration.ofSeconds(seconds), Output.hasColour());
        } catch (final IOException e) {
            throw new SwitchException("cannot use the terminal: " + e.getMessage(), e);
        }
        return CommandLine.ExitCode.OK;
    }

    private static Snapshot read(final ApiClient client) {
        final List<PortView> ports = Json.readList(client.get("/v1/ports"), new TypeReference<>() { });
        final List<WorkerView> workers = Json.readList(client.get("/v1/workers"), new TypeReference<>() { });
        return new Snapshot(System.nanoTime(), ports, workers);
    }
}
