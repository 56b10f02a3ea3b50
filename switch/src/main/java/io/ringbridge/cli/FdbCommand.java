package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.config.ConfigReader;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Stations that are set, or forgotten, by hand. */
@Command(name = "fdb", sortOptions = false, mixinStandardHelpOptions = true, synopsisSubcommandLabel = "add|remove|flush",
    description = "Changes the forwarding table of a running switch: which address is behind which port. \"show fdb\" shows it.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge fdb add 52:54:00:00:00:01 vm1              there, whatever is heard",
        "  ringbridge fdb add 52:54:00:00:00:01 up --vlan 10",
        "  ringbridge fdb remove 52:54:00:00:00:01",
        "  ringbridge fdb flush vm1                              forget what was learned there"})
final class FdbCommand implements Runnable {
    private static final String ADDRESS = "The station's Ethernet address.";

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "add, remove or flush is needed");
    }

    @Command(name = "add", mixinStandardHelpOptions = true, description = "Sets a station by hand: it does not age, and stays at its port "
        + "whatever is heard elsewhere, until it is removed or its port is. An upgrade takes it over.")
    int add(@Parameters(paramLabel = "MAC", description = ADDRESS) final String mac,
            @Parameters(paramLabel = "PORT", description = "The name of the port it is behind.") final String port,
            @Option(names = "--vlan", paramLabel = "N", description = "The VLAN it is in; without this, that of the port's frames without "
                + "a tag.") final Integer vlan,
            @Mixin final ApiOption api) {
        final String station = station(mac, vlan) + ",port=" + port.replace(",", ",,");
        ConfigReader.parseStation("fdb add", station);
        try (ApiClient client = api.client()) {
            client.addStation(station);
        }
        return CommandLine.ExitCode.OK;
    }

    @Command(name = "remove", mixinStandardHelpOptions = true,
        description = "Forgets a station, learned or set by hand. One that is learned comes back with the next frame from it.")
    int remove(@Parameters(paramLabel = "MAC", description = ADDRESS) final String mac,
               @Option(names = "--vlan", paramLabel = "N", description = "The VLAN it is in; needed where it is known in several.")
               final Integer vlan,
               @Mixin final ApiOption api) {
        final String station = station(mac, vlan);
        ConfigReader.parseStation("fdb remove", station);
        try (ApiClient client = api.client()) {
            client.removeStation(station);
        }
        return CommandLine.ExitCode.OK;
    }

    @Command(name = "flush", mixinStandardHelpOptions = true, description = "Forgets the stations that were learned, and says how many.")
    int flush(@Parameters(paramLabel = "PORT", arity = "0..1", description = "Only those behind this port.") final String port,
              @Option(names = "--static", description = "Those set by hand as well.") final boolean statics,
              @Mixin final ApiOption api) {
        final int flushed;
        try (ApiClient client = api.client()) {
            flushed = client.flushStations(port, statics);
        }
        spec.commandLine().getOut().println(flushed + (flushed == 1 ? " station" : " stations") + " forgotten");
        return CommandLine.ExitCode.OK;
    }

    private static String station(final String mac, final Integer vlan) {
        return "mac=" + mac.replace(",", ",,") + (vlan == null ? "" : ",vlan=" + vlan);
    }
}
