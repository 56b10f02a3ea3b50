package io.ringbridge.bench.harness;

import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** A guest's serial console, on which {@code guest-init.sh} takes commands. */
public final class SerialConsole implements AutoCloseable {
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(30);
    private static final Pattern READY = Pattern.compile("@@ready@@");

    private final UnixConnection connection;
    private int lastCommand;
    private int boots;

    SerialConsole(final String name, final Path socket) {
        connection = UnixConnection.open(name + " console", socket, CONNECT_LIMIT);
    }

    /** What a command printed, and its status. */
    public record Result(int status, String output) {
    }

    /** Waits until the guest has booted once more than this has waited for so far. */
    public void awaitBoot(final Duration limit) {
        boots = connection.transcript().await(READY, boots, limit).end();
    }

    /** Runs a command in the guest's shell to its end. */
    public Result run(final String command, final Duration limit) {
        final int id = ++lastCommand;
        final int from = connection.transcript().position();
        connection.send(id + " " + command);
        // The end marker carries a number that only this command's has, so that nothing left over can be taken for it.
        final MatchResult end = connection.transcript().await(Pattern.compile("@@" + id + ":(\\d+)@@"), from, limit);
        final String output = connection.transcript().since(from).substring(0, end.start() - from);
        return new Result(Integer.parseInt(end.group(1)), output);
    }

    /** Runs a command that must succeed, and returns what it printed. */
    public String check(final String command, final Duration limit) {
        final Result result = run(command, limit);
        if (result.status() != 0) {
            throw new HarnessException("in the guest, " + command + " returned " + result.status() + ": " + result.output());
        }
        return result.output();
    }

    /** Everything the guest has printed. */
    public Transcript transcript() {
        return connection.transcript();
    }

    @Override
    public void close() {
        connection.close();
    }
}
