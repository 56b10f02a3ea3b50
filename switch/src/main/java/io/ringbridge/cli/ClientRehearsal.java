package io.ringbridge.cli;

import java.io.PrintWriter;
import java.io.Writer;
import java.util.List;

/** Runs the client commands once, to create a cache of the classes that they load. */
final class ClientRehearsal {
    private ClientRehearsal() {
    }

    /**
     * Runs the commands.
     *
     * @param args the API socket of a switch
     */
    public static void main(final String[] args) {
        final PrintWriter nowhere = new PrintWriter(Writer.nullWriter());
        final List<List<String>> commands = List.of(
            List.of("show", "ports"),
            List.of("show", "ports", "--json"),
            List.of("show", "port", "a"),
            List.of("diagnose", "a"),
            List.of("port", "add", "name=r,socket=" + args[0] + "r,queues=2,mtu=9000,permissions=0660,vlan=10"),
            List.of("port", "set", "r", "mtu=1500"),
            List.of("port", "suspend", "r"),
            List.of("port", "resume", "r"),
            List.of("fdb", "add", "52:54:00:00:00:01", "r"),
            List.of("fdb", "remove", "52:54:00:00:00:01", "--vlan", "10"),
            List.of("fdb", "flush", "r"),
            List.of("port", "remove", "r"));
        for (final List<String> command : commands) {
            final String[] whole = new String[command.size() + 2];
            command.toArray(whole);
            whole[command.size()] = "--api";
            whole[command.size() + 1] = args[0];
            Main.run(nowhere, nowhere, whole);
        }
        Main.main(new String[] {"show", "ports", "--api", args[0]});
    }
}
