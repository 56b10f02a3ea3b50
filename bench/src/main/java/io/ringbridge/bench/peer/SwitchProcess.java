package io.ringbridge.bench.peer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.api.ApiClient;
import io.ringbridge.api.ApiException;
import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.machine.ProjectRoot;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * This switch as a user runs it: the launcher with a configuration file. The output of {@code ringbridge show} comes
 * from its API.
 */
public final class SwitchProcess implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Includes the time in which the launcher builds the switch, if necessary. */
    private static final Duration START_LIMIT = Duration.ofMinutes(2);
    /** The warm-up yields to all other threads, so it takes longer on busy processors. */
    private static final Duration WARM_UP_LIMIT = Duration.ofSeconds(30);
    private static final Pattern WARM = Pattern.compile("warmed up for|the warm-up failed");
    private static final Duration UPGRADE_LIMIT = Duration.ofMinutes(3);

    private final Path directory;
    private final SwitchConfig config;
    private Program program;

    private SwitchProcess(final Path directory, final SwitchConfig config) {
        this.directory = directory;
        this.config = config;
        program = launch(directory, config);
    }

    private static Program launch(final Path directory, final SwitchConfig config) {
        return Program.start("ringbridge", config.command(directory.resolve("switch.yaml")));
    }

    /** Returns the launcher that the property {@code ringbridge.launcher} names, or the one in the source tree. */
    public static Path launcher() {
        final String given = System.getProperty("ringbridge.launcher");
        return given == null ? ProjectRoot.find().resolve("switch/bin/ringbridge") : Path.of(given);
    }

    /** Starts a switch, and waits until its sockets exist and its API answers. */
    public static SwitchProcess start(final SwitchConfig config) {
        final Path directory = Machine.temporaryDirectory(0);
        final SwitchProcess process;
        try {
            Files.writeString(directory.resolve("switch.yaml"), config.json(directory));
            process = new SwitchProcess(directory, config);
        } catch (final IOException e) {
            Machine.delete(directory);
            throw new UncheckedIOException(e);
        } catch (final BenchException e) {
            Machine.delete(directory);
            throw e;
        }
        try {
            process.awaitUp();
            return process;
        } catch (final BenchException e) {
            process.close();
            throw e;
        }
    }

    private void awaitUp() {
        try {
            Await.until("the switch's sockets", START_LIMIT, () -> !program.isAlive() || isUp());
            if (!program.isAlive()) {
                throw new BenchException("the switch exited");
            }
        } catch (final BenchException e) {
            throw new BenchException(e.getMessage() + "; end of its output:\n" + program.output().tail(), e);
        }
    }

    /** Sends SIGKILL, and starts a new process with the same configuration. */
    public void killAndRestart() {
        program.kill();
        restart();
    }

    /** Sends SIGTERM, and starts a new process with the same configuration. */
    public void stopAndRestart() {
        program.stop();
        restart();
    }

    private void restart() {
        try {
            Files.deleteIfExists(api()); // so that a killed process's socket is not mistaken for the new one's
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        program = launch(directory, config);
        awaitUp();
    }

    /** Sends SIGSTOP, after which the switch does not respond until it is killed. */
    public void hang() {
        program.signal("STOP");
    }

    private boolean isUp() {
        return config.listeningPorts().stream().allMatch(name -> Files.exists(socket(name))) && answers();
    }

    /** Whether the API answers. The API's socket exists before the switch listens on it. */
    private boolean answers() {
        try {
            get("ports");
            return true;
        } catch (final ApiException e) {
            return false;
        }
    }

    private String get(final String what) {
        try (ApiClient client = new ApiClient(api())) {
            return client.get("/v1/" + what);
        }
    }

    /** Returns the socket of the API. */
    public Path api() {
        return directory.resolve("api.sock");
    }

    /** Returns the vhost-user socket of a port, regardless of which side listens on it. */
    public Path socket(final String port) {
        return directory.resolve(port + ".sock");
    }

    public boolean isAlive() {
        return program.isAlive();
    }

    /** Waits until the warm-up has ended, so that it does not disturb a measurement. */
    public SwitchProcess awaitWarm() {
        try {
            output().await(WARM, 0, WARM_UP_LIMIT);
            return this;
        } catch (final BenchException e) {
            close();
            throw e;
        }
    }

    /** Returns the log of the switch. */
    public Transcript output() {
        return program.output();
    }

    /** Returns the output of {@code ringbridge show WHAT --json}, without starting a process per call. */
    public JsonNode show(final String what) {
        final String text;
        try {
            text = get(what);
        } catch (final ApiException e) {
            throw new BenchException(e.getMessage() + "; end of the switch's output:\n" + program.output().tail(), e);
        }
        try {
            return JSON.readTree(text);
        } catch (final JsonProcessingException e) {
            throw new BenchException("show " + what + " is not JSON: " + text, e);
        }
    }

    /** Returns the row of a port in {@code show ports}. */
    public JsonNode port(final String name) {
        for (final JsonNode port : show("ports")) {
            if (port.path("name").asText().equals(name)) {
                return port;
            }
        }
        throw new BenchException("show ports has no port " + name);
    }

    /** Returns the names of the virtio features that the driver of a port has negotiated. */
    public List<String> features(final String port) {
        final List<String> names = new ArrayList<>();
        port(port).path("features").forEach(name -> names.add(name.asText()));
        return names;
    }

    /** Returns the port of an address in {@code show fdb}, or an empty string if the address is not there. */
    public String portOf(final String mac) {
        for (final JsonNode station : show("fdb")) {
            if (station.path("mac").asText().equals(mac)) {
                return station.path("port").asText();
            }
        }
        return "";
    }

    /**
     * Runs {@code ringbridge upgrade}. From then on, this object stands for the new process.
     *
     * @return the result that the command prints
     */
    public JsonNode upgrade() {
        final String text = Program.run(UPGRADE_LIMIT, launcher().toString(), "upgrade", "--json", "--api",
            api().toString());
        try {
            final JsonNode done = JSON.readTree(text);
            program.continueAs(done.path("pid").asLong());
            return done;
        } catch (final JsonProcessingException e) {
            throw new BenchException("the output of upgrade is not JSON: " + text, e);
        }
    }

    public long pid() {
        return program.pid();
    }

    /** Waits until all these ports have this state in {@code show ports}. */
    public void awaitState(final String state, final Duration limit, final String... names) {
        Await.until("ports " + List.of(names) + " to be " + state, limit, () -> hasState(state, names));
    }

    /** Whether all these ports have this state in {@code show ports}. */
    public boolean hasState(final String state, final String... names) {
        final JsonNode ports = show("ports");
        return List.of(names).stream().allMatch(name -> hasState(ports, name, state));
    }

    private static boolean hasState(final JsonNode ports, final String name, final String state) {
        for (final JsonNode port : ports) {
            if (port.path("name").asText().equals(name)) {
                return port.path("state").asText().equals(state);
            }
        }
        return false;
    }

    /**
     * Sends SIGTERM, and SIGKILL if the switch still runs some seconds later.
     *
     * @return whether the switch exited on SIGTERM
     */
    public boolean stop() {
        return program.stop();
    }

    @Override
    public void close() {
        program.close();
        Machine.delete(directory);
    }
}
