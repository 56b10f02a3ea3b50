package io.ringbridge.cli.attach;

import io.ringbridge.config.ConfigException;
import io.ringbridge.config.PortKind;
import org.jspecify.annotations.Nullable;

import java.nio.file.Path;
import java.util.Map;

/**
 * The properties of a port that matter to a machine's side.
 *
 * @param socket the absolute path of the socket, because the machine's program may run in another directory
 * @param connects whether the machine's side connects to the socket; otherwise it listens there
 * @param queues the number of queue pairs
 * @param mtu the length of the longest packet in bytes, without the Ethernet header
 * @param iommu whether the guest may be behind an IOMMU
 * @param mac the port's address; null if the machine's side decides
 */
public record Target(String name, Path socket, boolean connects, int queues, int mtu, boolean iommu,
                     @Nullable String mac) {
    /**
     * Reads a port as in the configuration file.
     *
     * @throws ConfigException if no machine can attach to the port
     */
    public static Target of(final Map<String, Object> keys) {
        final String name = String.valueOf(keys.get("name"));
        if (!PortKind.VHOST_USER.word().equals(keys.get("type"))) {
            throw new ConfigException("port " + name + " is of type " + keys.get("type")
                + "; machines attach to ports of type " + PortKind.VHOST_USER.word());
        }
        final boolean connects = switch (String.valueOf(keys.get("mode"))) {
            case "server" -> true;
            case "client" -> false;
            default -> throw new ConfigException(
                "port " + name + " has inherited a connected socket; no machine can connect to it");
        };
        final String socket = String.valueOf(keys.get("socket"));
        return new Target(name, Path.of(socket).toAbsolutePath().normalize(), connects, number(keys.get("queues")),
            number(keys.get("mtu")), Boolean.TRUE.equals(keys.get("iommu")),
            keys.get("mac") instanceof final String mac ? mac : null);
    }

    private static int number(final @Nullable Object value) {
        return value instanceof final Integer number ? number : 0;
    }

    /** Returns the port's address or, without one, a stable address of this host for the port. */
    String address() {
        return mac == null ? GuestMac.of(name) : mac;
    }

    /**
     * Returns the socket for an option whose parts are separated by commas and have no syntax for a comma.
     *
     * @throws ConfigException if the path has a comma
     */
    String socketWithoutComma(final String option) {
        final String path = socket.toString();
        if (path.contains(",")) {
            throw new ConfigException("port " + name + ": the path of its socket, " + path
                + ", has a comma, which " + option + " cannot express");
        }
        return path;
    }
}
