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

/** This switch as a user runs it: the launcher with a configuration file, and {@code show} to look at it. */
public final class SwitchProcess implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** The launcher builds the switch when it has to. */
    private static final Duration START_LIMIT = Duration.ofMinutes(2);
    /** It gives way to everything else, so on busy processors it takes a while. */
    private static final Duration WARM_UP_LIMIT = Duration.ofSeconds(30);
    private static final Pattern WARM = Pattern.compile("warmed up for|the warm-up failed");
    private static final Duration UPGRADE_LIMIT = Duration.ofMinutes(3);

    private final Path directory;
    private final Config config;
    private Program program;

    private SwitchProcess(final Path directory, final Config config) {
        this.directory = directory;
        this.config = config;
    }

    /** Where the launcher is: the property {@code ringbridge.launcher}, or in the project that this is run in. */
    public static Path launcher() {
        final String given = System.getProperty("ringbridge.launcher");
        return given == null ? ProjectRoot.find().resolve("switch/bin/ringbridge") : Path.of(given);
    }

    /** Starts a switch, and returns when its sockets are there. */
    public static SwitchProcess start(final Config config) {
        final Path directory = Machine.temporaryDirectory(0);
        final SwitchProcess process = new SwitchProcess(directory, config);
        try {
            Files.writeString(directory.resolve("switch.yaml"), config.json(directory));
            process.launch();
            return process;
        } catch (final IOException e) {
            Machine.delete(directory);
            throw new UncheckedIOException(e);
        } catch (final HarnessException e) {
            process.close();
            throw e;
        }
    }

    private void launch() {
        program = Program.start("ringbridge", config.command(directory.resolve("switch.yaml")));
        try {
            Await.until("the switch's sockets", START_LIMIT, () -> !program.isAlive() || isUp());
            if (!program.isAlive()) {
                throw new HarnessException("the switch ended");
            }
        } catch (final HarnessException e) {
            throw new HarnessException(e.getMessage() + "; its last words:\n" + program.output().tail(), e);
        }
    }

    /** SIGKILL, and a new process with the same configuration. */
    public void killAndStartAgain() {
        program.kill();
        startAgain();
    }

    /** SIGTERM, and a new process with the same configuration. */
    public void stopAndStartAgain() {
        program.stop();
        startAgain();
    }

    private void startAgain() {
        try {
            Files.deleteIfExists(api()); // what the killed process leaves behind is not to be taken for the new one's
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        launch();
    }

    /** SIGSTOP: it is deaf until it is killed. */
    public void pause() {
        program.signal("STOP");
    }

    private boolean isUp() {
        return config.listeningPorts().stream().allMatch(name -> Files.exists(socket(name))) && answers();
    }

    /** A socket is there before anybody listens on it. */
    private boolean answers() {
        try {
            ask("ports");
            return true;
        } catch (final ApiException e) {
            return false;
        }
    }

    private String ask(final String what) {
        try (ApiClient client = new ApiClient(api())) {
            return client.get("/" + what);
        }
    }

    private Path api() {
        return directory.resolve("api.sock");
    }

    /** The vhost-user socket of a port, whoever listens on it. */
    public Path socket(final String port) {
        return directory.resolve(port + ".sock");
    }

    public boolean isAlive() {
        return program.isAlive();
    }

    /** Waits until it does nothing any more but serve its guests: what it does before is not to run beside a measurement. */
    public SwitchProcess awaitWarm() {
        try {
            output().await(WARM, 0, WARM_UP_LIMIT);
            return this;
        } catch (final HarnessException e) {
            close();
            throw e;
        }
    }

    /** What the switch has logged. */
    public Transcript output() {
        return program.output();
    }

    /** What {@code ringbridge show WHAT --json} prints, without a process of its own for each question. */
    public JsonNode show(final String what) {
        final String text;
        try {
            text = ask(what);
        } catch (final ApiException e) {
            throw new HarnessException(e.getMessage() + "; the switch's last words:\n" + program.output().tail(), e);
        }
        try {
            return JSON.readTree(text);
        } catch (final JsonProcessingException e) {
            throw new HarnessException("show " + what + " is not JSON: " + text, e);
        }
    }

    /** The row of a port in {@code show ports}. */
    public JsonNode port(final String name) {
        for (final JsonNode port : show("ports")) {
            if (port.path("name").asText().equals(name)) {
                return port;
            }
        }
        throw new HarnessException("show ports has no port " + name);
    }

    /** The names of the virtio features that the driver of a port has negotiated. */
    public List<String> features(final String port) {
        final List<String> names = new ArrayList<>();
        port(port).path("features").forEach(name -> names.add(name.asText()));
        return names;
    }

    /** The port that {@code show fdb} gives an address, or nothing. */
    public String portOf(final String mac) {
        for (final JsonNode station : show("fdb")) {
            if (station.path("mac").asText().equals(mac)) {
                return station.path("port").asText();
            }
        }
        return "";
    }

    /** {@code ringbridge upgrade}: what came of it. From now on this is the process that has taken over. */
    public JsonNode upgrade() {
        final String text = Program.run(UPGRADE_LIMIT, launcher().toString(), "upgrade", "--json", "--api", api().toString());
        try {
            final JsonNode done = JSON.readTree(text);
            program.succeededBy(done.path("pid").asLong());
            return done;
        } catch (final JsonProcessingException e) {
            throw new HarnessException("upgrade does not say what it did: " + text, e);
        }
    }

    public long pid() {
        return program.pid();
    }

    /** Waits until {@code show ports} gives every one of these ports this state. */
    public void awaitState(final String state, final Duration limit, final String... names) {
        Await.until("ports " + List.of(names) + " to be " + state, limit, () -> hasState(state, names));
    }

    /** Whether {@code show ports} gives every one of these ports this state. */
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

    /** SIGTERM; returns whether that was enough. */
    public boolean stop() {
        return program.stop();
    }

    @Override
    public void close() {
        if (program != null) {
            program.close();
        }
        Machine.delete(directory);
    }

    /** A configuration file in the making. */
    public static final class Config {
        private final ObjectNode root = JSON.createObjectNode();
        private final List<String> listening = new ArrayList<>();
        private final List<String> prefix = new ArrayList<>();
        private State state = State.NONE;

        private enum State { NONE, OWN_DIRECTORY, DEFAULT }

        /** One of the keys beside {@code ports}. */
        public Config set(final String key, final Object value) {
            root.set(key, JSON.valueToTree(value));
            return this;
        }

        /** Keeps state, in the switch's own directory. */
        public Config keepingState() {
            state = State.OWN_DIRECTORY;
            return this;
        }

        /** Says nothing of state. The switch then has a runtime directory, {@code /run}, of its own. */
        public Config keepingStateByDefault() {
            state = State.DEFAULT;
            return this;
        }

        /** A vhost-user port whose socket the switch listens on. */
        public Config server(final String name) {
            listening.add(name);
            return port(name, "server");
        }

        /** The same with several queue pairs. */
        public Config server(final String name, final int queues) {
            server(name);
            last().put("queues", queues);
            return this;
        }

        /** The longest packet of the port that was added last. */
        public Config mtu(final int mtu) {
            last().put("mtu", mtu);
            return this;
        }

        /** The address that the port which was added last announces for its guest. */
        public Config mac(final String address) {
            last().put("mac", address);
            return this;
        }

        /** The VLAN of frames without a tag of the port that was added last. */
        public Config vlan(final int vlan) {
            last().put("vlan", vlan);
            return this;
        }

        /** The VLANs of frames with a tag of the port that was added last. */
        public Config trunk(final String vlans) {
            last().put("trunk", vlans);
            return this;
        }

        /** The reserved groups that the port which was added last relays. */
        public Config groupForward(final String groups) {
            last().put("group-forward", groups);
            return this;
        }

        /** Lets the guest of the port that was added last be behind an IOMMU. */
        public Config iommu() {
            last().put("iommu", true);
            return this;
        }

        /** Lets the guest of the port that was added last come there before its memory. */
        public Config postcopy() {
            last().put("postcopy", true);
            return this;
        }

        private ObjectNode last() {
            return (ObjectNode) root.withArray("ports").get(root.withArray("ports").size() - 1);
        }

        /** A vhost-user port that connects to a front-end's socket. */
        public Config client(final String name) {
            return port(name, "client");
        }

        /** A tap port with one queue. */
        public Config tap(final String name, final String device) {
            root.withArray("ports").addObject().put("name", name).put("type", "tap").put("device", device);
            return this;
        }

        /** The bridge of the kernel's that the tap which was added last is made a port of. */
        public Config master(final String bridge) {
            last().put("master", bridge);
            return this;
        }

        /** A pcap port with an interface or files. */
        public Config pcap(final String name, final Map<String, ?> keys) {
            root.withArray("ports").addObject().put("name", name).put("type", "pcap").setAll((ObjectNode) JSON.valueToTree(keys));
            return this;
        }

        /** The switch runs inside this network namespace. */
        public Config inNamespace(final String namespace) {
            prefix.addAll(List.of("ip", "netns", "exec", namespace));
            return this;
        }

        /** The switch runs in a network namespace of its own. */
        public Config apart() {
            prefix.addAll(List.of("unshare", "-n"));
            return this;
        }

        private List<String> command(final Path file) {
            final List<String> command = new ArrayList<>(prefix);
            if (state == State.DEFAULT) {
                command.addAll(List.of("unshare", "-m", "sh", "-c", "mkdir -p \"$0\" && mount --bind \"$0\" /run && exec \"$@\"",
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
                    ((ObjectNode) port).put("socket", directory.resolve(port.path("name").asText() + ".sock").toString());
                }
            }
            return whole.toPrettyString();
        }
    }
}
