package io.ringbridge.bench.peer;

import io.ringbridge.bench.machine.BenchException;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** A child process whose output is recorded. It never outlives this object or the JVM. */
public final class Program implements AutoCloseable {
    private static final Duration GRACE = Duration.ofSeconds(10);
    private static final Set<ProcessHandle> RUNNING = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> RUNNING.forEach(Program::killTree), "end-programs"));
    }

    private final String name;
    private final Process process;
    private final Transcript output;
    /** The process, or its successor with the same output. */
    private volatile ProcessHandle current;

    private Program(final String name, final Process process) {
        this.name = name;
        this.process = process;
        this.current = process.toHandle();
        this.output = Transcript.of(name, process.getInputStream());
    }

    /** Finds a program on the PATH, or in the system's directories. The name may include a directory. */
    public static Optional<Path> find(final String name) {
        final String path = System.getenv().getOrDefault("PATH", "") + File.pathSeparator
            + "/usr/sbin:/sbin:/usr/bin:/bin";
        for (final String directory : path.split(File.pathSeparator, -1)) {
            final Path candidate = Path.of(directory).resolve(name);
            if (!directory.isEmpty() && Files.isExecutable(candidate)) {
                return Optional.of(candidate);
            }
        }
        return Optional.empty();
    }

    public static Program start(final String name, final List<String> command) {
        return start(name, command, Map.of());
    }

    /**
     * Starts a program with additional environment variables. Both output streams are recorded, and the input stays
     * open.
     */
    public static Program start(final String name, final List<String> command, final Map<String, String> environment) {
        final ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment);
        try {
            final Process process = builder.start();
            RUNNING.add(process.toHandle());
            return new Program(name, process);
        } catch (final IOException e) {
            throw new BenchException("cannot start " + String.join(" ", command), e);
        }
    }

    /**
     * Runs a program until it exits.
     *
     * @return its output
     * @throws BenchException if the exit status is not 0
     */
    public static String run(final Duration limit, final Map<String, String> environment, final String... command) {
        try (Program program = start(command[0], List.of(command), environment)) {
            final int status = program.awaitExit(limit);
            if (status != 0) {
                throw new BenchException(String.join(" ", command) + " exited with status " + status + ": "
                    + program.output.tail());
            }
            return program.output.since(0);
        }
    }

    public static String run(final Duration limit, final String... command) {
        return run(limit, Map.of(), command);
    }

    public Transcript output() {
        return output;
    }

    public long pid() {
        return current.pid();
    }

    public boolean isAlive() {
        return current.isAlive();
    }

    /** Continues with a successor process, after the current process has exited by itself. */
    public void continueAs(final long pid) {
        final ProcessHandle next = ProcessHandle.of(pid).orElseThrow(() ->
            new BenchException("process " + pid + " does not exist"));
        RUNNING.add(next);
        final ProcessHandle before = current;
        current = next;
        if (!exits(before, GRACE)) {
            throw new BenchException(name + ": process " + before.pid() + " still runs beside its successor " + pid);
        }
        RUNNING.remove(before);
    }

    /** Waits until a line matches anywhere in the output. */
    public MatchResult awaitLine(final Pattern pattern, final Duration limit) {
        return output.await(pattern, 0, limit);
    }

    /** Sends a line to the program's input. */
    public void type(final String line) {
        try {
            final OutputStream input = process.getOutputStream();
            input.write((line + "\n").getBytes(StandardCharsets.UTF_8));
            input.flush();
        } catch (final IOException e) {
            throw new BenchException(name + " no longer reads its input; end of its output:\n" + output.tail(), e);
        }
    }

    /**
     * Waits until the program exits and its output ends.
     *
     * @return its exit status
     */
    public int awaitExit(final Duration limit) {
        if (!exits(current, limit)) {
            throw new BenchException(name + " did not exit within " + limit.toSeconds() + " s; end of its output:\n"
                + output.tail());
        }
        RUNNING.remove(current);
        output.awaitEnd(GRACE);
        return process.exitValue();
    }

    private boolean exits(final ProcessHandle which, final Duration limit) {
        try {
            if (which.pid() == process.pid()) {
                return process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS);
            }
            which.onExit().get(limit.toNanos(), TimeUnit.NANOSECONDS);
            return true;
        } catch (final TimeoutException e) {
            return false;
        } catch (final ExecutionException e) {
            throw new BenchException("cannot wait for " + name, e);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new BenchException("interrupted while waiting for " + name, e);
        }
    }

    /** Sends a signal such as INT to the process. */
    public void signal(final String signal) {
        run(GRACE, "sh", "-c", "kill -" + signal + " " + current.pid());
    }

    /**
     * Sends SIGTERM, and SIGKILL if the program or its children still run some seconds later.
     *
     * @return whether the program exited on SIGTERM
     */
    public boolean stop() {
        // Children stop being descendants when their parent exits, so they are listed first.
        final List<ProcessHandle> children = current.descendants().toList();
        current.destroy();
        final boolean ended = exits(current, GRACE);
        kill();
        children.forEach(ProcessHandle::destroyForcibly);
        return ended;
    }

    /** Sends SIGKILL to the program and its children. */
    public void kill() {
        killTree(current);
        exits(current, GRACE);
        RUNNING.remove(current);
    }

    private static void killTree(final ProcessHandle process) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    @Override
    public void close() {
        if (current.isAlive()) {
            stop();
        }
        RUNNING.remove(current);
    }
}
