package io.ringbridge.bench.harness;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.peer.Transcript;

import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** A guest's serial console, from which {@code guest-init.sh} reads commands. */
public final class SerialConsole implements AutoCloseable {
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(30);
    private static final Pattern READY = Pattern.compile("@@ready@@");

    private final UnixConnection connection;
    private int lastCommand;
    private int boots;

    SerialConsole(final String name, final Path socket) {
        connection = UnixConnection.open(name + " console", socket, CONNECT_LIMIT);
    }

    /** The exit status and the output of a command. */
    public record Result(int status, String output) {
    }

    /** Waits for the next boot of the guest, after those that earlier calls waited for. */
    public void awaitBoot(final Duration limit) {
        boots = connection.transcript().await(READY, boots, limit).end();
    }

    /** Runs a command in the guest's shell, and waits until it exits. */
    public Result run(final String command, final Duration limit) {
        final int id = ++lastCommand;
        final int from = connection.transcript().position();
        connection.send(id + " " + command);
        // The end marker carries this command's own number, so that left-over output cannot be mistaken for the marker.
        final MatchResult end = connection.transcript().await(Pattern.compile("@@" + id + ":(\\d+)@@"), from, limit);
        final String output = connection.transcript().since(from).substring(0, end.start() - from);
        return new Result(Integer.parseInt(end.group(1)), output);
    }

    /**
     * Runs a command in the guest's shell.
     *
     * @return its output
     * @throws BenchException if the exit status is not 0
     */
    public String check(final String command, final Duration limit) {
        final Result result = run(command, limit);
        if (result.status() != 0) {
            throw new BenchException("in the guest, " + command + " exited with status " + result.status() + ": "
                + result.output());
        }
        return result.output();
    }

    /** Returns the recorded output of the guest. */
    public Transcript transcript() {
        return connection.transcript();
    }

    @Override
    public void close() {
        connection.close();
    }
}
