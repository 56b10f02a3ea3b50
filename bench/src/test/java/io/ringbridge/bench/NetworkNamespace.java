package io.ringbridge.bench;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.peer.Program;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A test's own network namespace. If it cannot be created, the test is skipped; see {@link Required}. */
final class NetworkNamespace implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final String name;

    private NetworkNamespace(final String name) {
        this.name = name;
    }

    /** Creates a namespace, and checks that a tap can be created in it. */
    static NetworkNamespace create(final String suffix) {
        Required.programs("ip");
        return Required.resource("network namespace with a tap", () -> {
            final NetworkNamespace namespace = new NetworkNamespace("rb-it-" + ProcessHandle.current().pid() + '-'
                + suffix);
            ip("netns", "add", namespace.name);
            try {
                namespace.run("ip", "tuntap", "add", "dev", "try", "mode", "tap");
                namespace.run("ip", "link", "del", "try");
                namespace.run("ip", "link", "set", "lo", "up");
                return namespace;
            } catch (final BenchException e) {
                namespace.close();
                throw e;
            }
        });
    }

    private static String ip(final String... arguments) {
        final List<String> command = new ArrayList<>(List.of("ip"));
        command.addAll(List.of(arguments));
        return Program.run(LIMIT, command.toArray(String[]::new));
    }

    String name() {
        return name;
    }

    /**
     * Runs a program in the namespace until it exits.
     *
     * @return its output
     */
    String run(final String... command) {
        return Program.run(LIMIT, command(command).toArray(String[]::new));
    }

    /** Starts a program in the namespace. */
    Program start(final String... command) {
        return Program.start(command[0], command(command));
    }

    private List<String> command(final String... command) {
        final List<String> whole = new ArrayList<>(List.of("ip", "netns", "exec", name));
        whole.addAll(List.of(command));
        return whole;
    }

    @Override
    public void close() {
        ip("netns", "del", name);
    }
}
