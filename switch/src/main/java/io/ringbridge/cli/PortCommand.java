package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.config.ConfigReader;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

import java.util.function.BiConsumer;

/** Ports that come and go while the switch runs. */
final class PortCommand {
    private PortCommand() {
    }

    static CommandSpec spec() {
        final CommandSpec spec = Specs.examples(Specs.group("port", "add, remove, suspend or resume is needed",
            "Adds a port to a running switch, removes one, or lets one rest.%n"),
            "  ringbridge port add name=vm3,socket=/tmp/vm3.sock,queues=2",
            "  ringbridge port suspend vm3",
            "  ringbridge port add name=up,type=tap,device=tap0",
            "  ringbridge port remove vm3");
        return Specs.with(spec, new Add().spec(),
            new Named("remove", "Removes a port and its socket; who is attached loses its link.",
                ApiClient::removePort).spec(),
            new Named("suspend",
                "Lets a port rest: what its guest sends waits, what is sent to it is dropped and counted. "
                + "Who is attached stays so.", ApiClient::suspendPort).spec(),
            new Named("resume",
                "Resumes a suspended port, unless its front-end or the guest's driver has suspended it as well.",
                ApiClient::resumePort).spec());
    }

    private static final class Add extends ClientCommand {
        private final PositionalParamSpec port = Specs.parameter(0, "SPEC", "The port.");

        Add() {
            super("add", "Adds a port and opens its socket or device.%n");
            own().addPositional(port).usageMessage().footer("", "SPEC is key=value,...: " + RunCommand.SPEC_KEYS);
        }

        @Override
        void check() {
            ConfigReader.parsePort("port add", port.getValue());
        }

        @Override
        String ask(final ApiClient client) {
            client.addPort(port.getValue());
            return "";
        }
    }

    /** What is done to a port by its name. */
    private static final class Named extends ClientCommand {
        private final PositionalParamSpec port = Specs.parameter(0, "NAME", "The port's name.");
        private final BiConsumer<ApiClient, String> action;

        Named(final String name, final String description, final BiConsumer<ApiClient, String> action) {
            super(name, description);
            this.action = action;
            own().addPositional(port);
        }

        @Override
        String ask(final ApiClient client) {
            action.accept(client, port.getValue());
            return "";
        }
    }
}
