package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.config.ConfigReader;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Adds, removes, suspends and resumes ports, and resets their counters, while the switch runs. */
final class PortCommand {
    private static final String PORTS = "/v1/ports";

    private PortCommand() {
    }

    static CommandSpec spec() {
        final CommandSpec spec = Specs.examples(Specs.group("port",
            "missing command: add, remove, suspend, resume or reset-counters",
            "Adds a port to a running switch, or removes, suspends or resumes one, or resets its counters.%n"),
            "  ringbridge port add name=vm3,socket=/tmp/vm3.sock,queues=2",
            "  ringbridge port suspend vm3",
            "  ringbridge port add name=up,type=tap,device=tap0",
            "  ringbridge port remove vm3");
        return Specs.with(spec, new Add().spec(),
            new Named("remove", "Removes a port and its socket. An attached guest loses its link.",
                "DELETE", "").spec(),
            new Named("suspend",
                "Suspends a port: frames from its guest wait, and frames to its guest are dropped and counted. "
                + "The front-end stays attached.", "POST", "/suspend").spec(),
            new Named("resume",
                "Resumes a suspended port, unless its front-end or the guest's driver has suspended it as well.",
                "POST", "/resume").spec(),
            new Named("reset-counters",
                "Starts the counters of a port and of its queues again from zero. Metrics keep their counts.",
                "POST", "/reset-counters").spec());
    }

    private static final class Add extends ClientCommand {
        private final PositionalParamSpec port = Specs.parameter(0, "SPEC", "The port, as described below.");

        Add() {
            super("add", "Adds a port and opens its socket or device.%n");
            own().addPositional(port).usageMessage().footerHeading("%n")
                .footer(PortHelp.lines().toArray(String[]::new));
        }

        @Override
        void check() {
            ConfigReader.parsePort("port add", port.getValue());
        }

        @Override
        String request(final ApiClient client) {
            return client.change("POST", PORTS, port.getValue());
        }
    }

    /** A command that acts on a port by its name. */
    private static final class Named extends ClientCommand {
        private final PositionalParamSpec port = Specs.parameter(0, "NAME", "Name of the port.");
        private final String method;
        private final String action;

        /** Takes the method, and the segment below the port's path. */
        Named(final String name, final String description, final String method, final String action) {
            super(name, description);
            this.method = method;
            this.action = action;
            own().addPositional(port);
        }

        @Override
        String request(final ApiClient client) {
            return client.change(method, PORTS + '/' + ApiClient.encoded(port.getValue()) + action, null);
        }
    }
}
