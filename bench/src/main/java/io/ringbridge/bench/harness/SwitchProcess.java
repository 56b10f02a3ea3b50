package io.ringbridge.bench.harness;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.ringbridge.api.ApiClient;
import io.ringbridge.api.ApiException;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
    private final Config config;
    private Program program;

    private SwitchProcess(final Path directory, final Config config) {
        this.directory = directory;
        this.config = config;
        program = launch(directory, config);
    }

    private static Program launch(final Path directory, final Config config) {
        return Program.start("ringbridge", config.command(directory.resolve("switch.yaml")));
    }

    /** Returns the launcher that the property {@code ringbridge.launcher} names, or the one in the source tree. */
    public static Path launcher() {
        final String given = System.getProperty("ringbridge.launcher");
        return given == null ? ProjectRoot.find().resolve("switch/bin/ringbridge") : Path.of(given);
    }

    /** Starts a switch, and waits until its sockets exist and its API answers. */
    public static SwitchProcess start(final Config config) {
        final Path directory = Machine.temporaryDirectory(0);
        final SwitchProcess process;
        try {
            Files.writeString(directory.resolve("switch.yaml"), config.json(directory));
            process = new SwitchProcess(directory, config);
        } catch (final IOException e) {
            Machine.delete(directory);
            throw new UncheckedIOException(e);
        } catch (final HarnessException e) {
            Machine.delete(directory);
            throw e;
        }
        try {
            process.awaitUp();
            return process;
        } catch (final HarnessException e) {
            process.close();
            throw e;
        }
    }

    private void awaitUp() {
        try {
            Await.until("the switch's sockets", START_LIMIT, () -> !program.isAlive() || isUp());
            if (!program.isAlive()) {
                throw new HarnessException("the switch exited");
            }
        } catch (final HarnessException e) {
            throw new HarnessException(e.getMessage() + "; end of its output:\n" + program.output().tail(), e);
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

    private Path api() {
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
        } catch (final HarnessException e) {
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
            throw new HarnessException(e.getMessage() + "; end of the switch's output:\n" + program.output().tail(), e);
        }
        try {
            return JSON.readTree(text);
        } catch (final JsonProcessingException e) {
            throw new HarnessException("show " + what + " is not JSON: " + text, e);
        }
    }

    /** Returns the row of a port in {@code show ports}. */
    public JsonNode port(final String name) {
        for (final JsonNode port : show("ports")) {
            if (port.path("name").asText().equals(name)) {
                return port;
            }
        }
        throw new HarnessException("show ports has no port " + name);
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
            throw new HarnessException("the output of upgrade is not JSON: " + text, e);
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

    /** Builds a configuration file, and the command that uses it. */
    public static final class Config {
        private final ObjectNode root = JSON.createObjectNode();
        private final List<String> listening = new ArrayList<>();
        private final List<String> prefix = new ArrayList<>();
        private State state = State.NONE;

        private enum State { NONE, OWN_DIRECTORY, DEFAULT }

        /** Sets a top-level key other than {@code ports}. */
        public Config set(final String key, final Object value) {
            root.set(key, JSON.valueToTree(value));
            return this;
        }

        /** Keeps state in the switch's own directory. */
        public Config keepState() {
            state = State.OWN_DIRECTORY;
            return this;
        }

        /**
         * Omits the key {@code state}, so that its default applies. The switch then has its own runtime directory
         * {@code /run}.
         */
        public Config keepStateByDefault() {
            state = State.DEFAULT;
            return this;
        }

        /** Adds a vhost-user port on whose socket the switch listens. */
        public Config server(final String name) {
            listening.add(name);
            return port(name, "server");
        }

        /** Adds a vhost-user port with several queue pairs, on whose socket the switch listens. */
        public Config server(final String name, final int queues) {
            server(name);
            last().put("queues", queues);
            return this;
        }

        /** Sets the MTU of the last port. */
        public Config mtu(final int mtu) {
            last().put("mtu", mtu);
            return this;
        }

        /** Sets the MAC address that the last port announces to its guest. */
        public Config mac(final String address) {
            last().put("mac", address);
            return this;
        }

        /** Sets the VLAN of untagged frames of the last port. */
        public Config vlan(final int vlan) {
            last().put("vlan", vlan);
            return this;
        }

        /** Sets the VLANs of tagged frames of the last port. */
        public Config trunk(final String vlans) {
            last().put("trunk", vlans);
            return this;
        }

        /** Sets the reserved groups that the last port relays. */
        public Config groupForward(final String groups) {
            last().put("group-forward", groups);
            return this;
        }

        /** Lets the guest of the last port be behind an IOMMU. */
        public Config iommu() {
            last().put("iommu", true);
            return this;
        }

        /** Lets the guest of the last port migrate to it by postcopy. */
        public Config postcopy() {
            last().put("postcopy", true);
            return this;
        }

        private ObjectNode last() {
            return (ObjectNode) root.withArray("ports").get(root.withArray("ports").size() - 1);
        }

        /** Adds a vhost-user port that connects to a front-end's socket. */
        public Config client(final String name) {
            return port(name, "client");
        }

        /** Adds a tap port with one queue. */
        public Config tap(final String name, final String device) {
            root.withArray("ports").addObject().put("name", name).put("type", "tap").put("device", device);
            return this;
        }

        /** Sets the kernel bridge of which the last tap becomes a port. */
        public Config master(final String bridge) {
            last().put("master", bridge);
            return this;
        }

        /** Adds a pcap port with an interface or files. */
        public Config pcap(final String name, final Map<String, ?> keys) {
            root.withArray("ports").addObject().put("name", name).put("type", "pcap")
                .setAll((ObjectNode) JSON.valueToTree(keys));
            return this;
        }

        /** Runs the switch inside this network namespace. */
        public Config inNamespace(final String namespace) {
            prefix.addAll(List.of("ip", "netns", "exec", namespace));
            return this;
        }

        /** Runs the switch in a new network namespace. */
        public Config inNewNamespace() {
            prefix.addAll(List.of("unshare", "-n"));
            return this;
        }

        private List<String> command(final Path file) {
            final List<String> command = new ArrayList<>(prefix);
            if (state == State.DEFAULT) {
                command.addAll(List.of("unshare", "-m", "sh", "-c",
                    "mkdir -p \"$0\" && mount --bind \"$0\" /run && exec \"$@\"",
                    file.resolveSibling("run").toString()));
            }
            command.addAll(List.of(launcher().toString(), "run", "--config", file.toString()));
            return command;
        }

        private Config port(final String name, final String mode) {
            root.withArray("ports").addObject().put("name", name).put("type", "vhost-user").put("mode", mode);
            return this;
        }

        private List<String> listeningPorts() {
            return listening;
        }

        private String json(final Path directory) {
            final ObjectNode whole = root.deepCopy();
            whole.putObject("api").put("socket", directory.resolve("api.sock").toString());
            switch (state) {
                case NONE -> whole.put("state", "none");
                case OWN_DIRECTORY -> whole.put("state", directory.resolve("state").toString());
                default -> { /* the configuration has no such key */ }
            }
            for (final JsonNode port : whole.path("ports")) {
                if ("vhost-user".equals(port.path("type").asText())) {
                    ((ObjectNode) port).put("socket",
                        directory.resolve(port.path("name").asText() + ".sock").toString());
                }
            }
            return whole.toPrettyString();
        }
    }
}
