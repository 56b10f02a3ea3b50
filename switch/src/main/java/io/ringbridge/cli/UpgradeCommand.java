package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.api.Json;
import io.ringbridge.api.UpgradeControl;
import io.ringbridge.api.UpgradeView;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;

/** Replaces a running switch with another version. */
@Command(name = "upgrade", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Replaces the running switch with the version that is installed now. Guests stay attached, and no "
        + "frame is lost; forwarding pauses for a few milliseconds.%n",
    footer = {
        "",
        "The new process gets the arguments of the old one, and reads the configuration file again. Ports must keep "
            + "their sockets; tap and pcap ports must keep their devices, files and queues. Other settings may change. "
            + "The new process has 120 s to become ready, which includes building it; --timeout changes this limit.",
        "",
        "If anything fails before the new process has taken over, the old process keeps serving, and this command "
            + "prints the reason. After that, there is no way back: if the new process then fails, the switch ends, "
            + "and this command prints the reason."})
final class UpgradeCommand implements Callable<Integer> {
    private static final int MAX_SECONDS = 3600;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Option(names = "--binary", paramLabel = "PATH",
        description = "Program to start; the program that started the running switch if not given.")
    private @Nullable Path binary;

    @Option(names = "--timeout", paramLabel = "SECONDS",
        description = "Time for the new process to become ready, 1 to 3600; 120 if not given.")
    private @Nullable Integer timeout;

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
        final Duration limit = timeout == null ? UpgradeControl.LIMIT : Duration.ofSeconds(timeout);
        final UpgradeView done;
        try (ApiClient client = api.client()) {
            done = client.upgrade(binary == null ? null : binary.toAbsolutePath().toString(), limit);
        }
        spec.commandLine().getOut().println(json ? Json.write(done)
            : String.format(Locale.ROOT, "process %d has taken over %d ports%s", done.pid(), done.ports(),
                done.pauseMillis() == null ? ""
                    : String.format(Locale.ROOT, "; forwarding paused for %.1f ms", done.pauseMillis())));
        return CommandLine.ExitCode.OK;
    }
}
