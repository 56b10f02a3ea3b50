package io.ringbridge.bench.peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Builds the configuration file of a switch, and the command that uses it. */
public final class SwitchConfig {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final ObjectNode root = JSON.createObjectNode();
    private final List<String> listening = new ArrayList<>();
    private final List<String> prefix = new ArrayList<>();
    private State state = State.NONE;

    private enum State { NONE, OWN_DIRECTORY, DEFAULT }

    /** Sets a top-level key other than {@code ports}. */
    public SwitchConfig set(final String key, final Object value) {
        root.set(key, JSON.valueToTree(value));
        return this;
    }

    /** Keeps state in the switch's own directory. */
    public SwitchConfig keepState() {
        state = State.OWN_DIRECTORY;
        return this;
    }

    /**
     * Omits the key {@code state}, so that its default applies. The switch then has its own runtime directory
     * {@code /run}.
     */
    public SwitchConfig keepStateByDefault() {
        state = State.DEFAULT;
        return this;
    }

    /** Adds a vhost-user port on whose socket the switch listens. */
    public SwitchConfig server(final String name) {
        listening.add(name);
        return port(name, "server");
    }

    /** Adds a vhost-user port with several queue pairs, on whose socket the switch listens. */
    public SwitchConfig server(final String name, final int queues) {
        server(name);
        last().put("queues", queues);
        return this;
    }

    /** Sets the MTU of the last port. */
    public SwitchConfig mtu(final int mtu) {
        last().put("mtu", mtu);
        return this;
    }

    /** Sets the MAC address that the last port announces to its guest. */
    public SwitchConfig mac(final String address) {
        last().put("mac", address);
        return this;
    }

    /** Sets the VLAN of untagged frames of the last port. */
    public SwitchConfig vlan(final int vlan) {
        last().put("vlan", vlan);
        return this;
    }

    /** Sets the VLANs of tagged frames of the last port. */
    public SwitchConfig trunk(final String vlans) {
        last().put("trunk", vlans);
        return this;
    }

    /** Sets the reserved groups that the last port relays. */
    public SwitchConfig groupForward(final String groups) {
        last().put("group-forward", groups);
        return this;
    }

    /** Lets the guest of the last port be behind an IOMMU. */
    public SwitchConfig iommu() {
        last().put("iommu", true);
        return this;
    }

    /** Lets the guest of the last port migrate to it by postcopy. */
    public SwitchConfig postcopy() {
        last().put("postcopy", true);
        return this;
    }

    private ObjectNode last() {
        return (ObjectNode) root.withArray("ports").get(root.withArray("ports").size() - 1);
    }

    /** Adds a vhost-user port that connects to a front-end's socket. */
    public SwitchConfig client(final String name) {
        return port(name, "client");
    }

    /** Adds a tap port with one queue. */
    public SwitchConfig tap(final String name, final String device) {
        root.withArray("ports").addObject().put("name", name).put("type", "tap").put("device", device);
        return this;
    }

    /** Sets the kernel bridge of which the last tap becomes a port. */
    public SwitchConfig master(final String bridge) {
        last().put("master", bridge);
        return this;
    }

    /** Adds a pcap port with an interface or files. */
    public SwitchConfig pcap(final String name, final Map<String, ?> keys) {
        root.withArray("ports").addObject().put("name", name).put("type", "pcap")
            .setAll((ObjectNode) JSON.valueToTree(keys));
        return this;
    }

    /** Runs the switch inside this network namespace. */
    public SwitchConfig inNamespace(final String namespace) {
        prefix.addAll(List.of("ip", "netns", "exec", namespace));
        return this;
    }

    /** Runs the switch in a new network namespace. */
    public SwitchConfig inNewNamespace() {
        prefix.addAll(List.of("unshare", "-n"));
        return this;
    }

    List<String> command(final Path file) {
        final List<String> command = new ArrayList<>(prefix);
        if (state == State.DEFAULT) {
            command.addAll(List.of("unshare", "-m", "sh", "-c",
                "mkdir -p \"$0\" && mount --bind \"$0\" /run && exec \"$@\"",
                file.resolveSibling("run").toString()));
        }
        command.addAll(List.of(SwitchProcess.launcher().toString(), "run", "--config", file.toString()));
        return command;
    }

    private SwitchConfig port(final String name, final String mode) {
        root.withArray("ports").addObject().put("name", name).put("type", "vhost-user").put("mode", mode);
        return this;
    }

    List<String> listeningPorts() {
        return listening;
    }

    String json(final Path directory) {
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
