package io.ringbridge.cli.attach;

import io.ringbridge.config.ConfigException;

import java.util.List;

/**
 * Options of crosvm. It shares its memory in any case, always connects to the socket, and reads address, MTU and queue
 * pairs from the back-end.
 */
final class Crosvm {
    private Crosvm() {
    }

    static List<String> options(final Target port, final Machine machine) {
        if (!port.connects()) {
            throw new ConfigException("port " + port.name()
                + " has mode client; crosvm connects to sockets itself, which needs mode server");
        }
        return List.of("--mem size=" + machine.mebibytes(),
            "--vhost-user type=net,socket=" + port.socketWithoutComma("--vhost-user"));
    }
}
