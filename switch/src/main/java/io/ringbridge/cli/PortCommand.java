package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.config.PortKey;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

import java.util.List;
import java.util.stream.Collectors;

/** Adds, changes, removes, suspends and resumes ports, and resets their counters, while the switch runs. */
final class PortCommand {
    private static final String PORTS = "/v1/ports";

    private PortCommand() {
    }

    static CommandSpec spec() {
        final CommandSpec spec = Specs.examples(Specs.group("port",
            "missing command: add, set, remove, suspend, resume or reset-counters",
            "Adds a port to a running switch, or changes, removes, suspends or resumes one, or resets its counters.%n"),
            "  ringbridge port add name=vm3,socket=/tmp/vm3.sock,queues=2",
            "  ringbridge port set vm3 mtu=9000 vlan=20",
            "  ringbridge port suspend vm3",
            "  ringbridge port add name=up,type=tap,device=tap0",
            "  ringbridge port add name=out,type=backend,socket=/tmp/passt.sock",
            "  ringbridge port remove vm3");
        return Specs.with(spec, new Add().spec(), new Set().spec(),
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

    private static final class Set extends ClientCommand {
        private final PositionalParamSpec port = Specs.parameter(0, "NAME", "Name of the port.");
        private final PositionalParamSpec values = PositionalParamSpec.builder().index("1..*").paramLabel("KEY=VALUE")
            .type(List.class).auxiliaryTypes(String.class).arity("1..*").required(true)
            .description("New values of keys; a key without a value returns to its default.").build();

        Set() {
            super("set", "Changes keys of a port. Its guest stays attached, and other ports lose no frame. Prints per "
                + "key when the new value takes effect: now, or at the next negotiation, which is when a front-end "
                + "connects.%n");
            own().addPositional(port).addPositional(values).usageMessage().footerHeading("%n").footer(
                "Keys that can be changed: " + String.join(", ", PortKey.changeable()) + ".",
                "",
                "Examples:",
                "  ringbridge port set vm3 mtu=9000 vlan=20",
                "  ringbridge port set vm3 vlan= trunk=10+20-29 description=\"web server\"",
                "  ringbridge port set vm3 offloads=csum,guest_csum");
        }

        @Override
        String request(final ApiClient client) {
            final List<String> pairs = values.getValue();
            return client.change("PATCH", PORTS + '/' + ApiClient.encoded(port.getValue()),
                pairs.stream().map(Set::doubled).collect(Collectors.joining(",")));
        }

        /** Doubles single commas, which would end the value. */
        private static String doubled(final String pair) {
            return pair.replaceAll("(?<!,),(?!,)", ",,");
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
