package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.config.ConfigReader;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Ports that come and go while the switch runs. */
@Command(name = "port", sortOptions = false, mixinStandardHelpOptions = true, synopsisSubcommandLabel = "add|remove|suspend|resume",
    description = "Adds a port to a running switch, removes one, or lets one rest.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge port add name=vm3,socket=/tmp/vm3.sock,queues=2",
        "  ringbridge port suspend vm3",
        "  ringbridge port add name=up,type=tap,device=tap0",
        "  ringbridge port remove vm3"})
final class PortCommand implements Runnable {
    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "add, remove, suspend or resume is needed");
    }

    @Command(name = "add", mixinStandardHelpOptions = true, description = "Adds a port and opens its socket or device.%n", footer = {
        "",
        "SPEC is key=value,...: " + RunCommand.SPEC_KEYS})
    int add(@Parameters(paramLabel = "SPEC", description = "The port.") final String port, @Mixin final ApiOption api) {
        ConfigReader.parsePort("port add", port);
        try (ApiClient client = api.client()) {
            client.addPort(port);
        }
        return CommandLine.ExitCode.OK;
    }

    @Command(name = "remove", mixinStandardHelpOptions = true,
        description = "Removes a port and its socket; who is attached loses its link.")
    int remove(@Parameters(paramLabel = "NAME", description = "The port's name.") final String name, @Mixin final ApiOption api) {
        try (ApiClient client = api.client()) {
            client.removePort(name);
        }
        return CommandLine.ExitCode.OK;
    }

    @Command(name = "suspend", mixinStandardHelpOptions = true,
        description = "Lets a port rest: what its guest sends waits, what is sent to it is dropped and counted. Who is attached stays so.")
    int suspend(@Parameters(paramLabel = "NAME", description = "The port's name.") final String name, @Mixin final ApiOption api) {
        try (ApiClient client = api.client()) {
            client.suspendPort(name);
        }
        return CommandLine.ExitCode.OK;
    }

    @Command(name = "resume", mixinStandardHelpOptions = true,
        description = "Lets a suspended port go on, unless its front-end or the guest's driver has suspended it as well.")
    int resume(@Parameters(paramLabel = "NAME", description = "The port's name.") final String name, @Mixin final ApiOption api) {
        try (ApiClient client = api.client()) {
            client.resumePort(name);
        }
        return CommandLine.ExitCode.OK;
    }
}
