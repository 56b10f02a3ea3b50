package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.config.ConfigReader;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Adds and removes stations of the forwarding table. */
final class FdbCommand {
    private static final String FDB = "/v1/fdb";

    private FdbCommand() {
    }

    static CommandSpec spec() {
        final CommandSpec spec = Specs.examples(Specs.group("fdb", "missing command: add, remove or flush",
            "Changes the forwarding table of a running switch, which maps addresses to ports. \"show fdb\" prints "
                + "the table.%n"),
            "  ringbridge fdb add 52:54:00:00:00:01 vm1      pin the address to port vm1",
            "  ringbridge fdb add 52:54:00:00:00:01 up --vlan 10",
            "  ringbridge fdb remove 52:54:00:00:00:01",
            "  ringbridge fdb flush vm1                      forget addresses learned there");
        return Specs.with(spec, new Add().spec(), new Remove().spec(), new Flush().spec());
    }

    /** A command for one station. */
    private abstract static class Station extends ClientCommand {
        private final String name;
        private final PositionalParamSpec mac = Specs.parameter(0, "MAC", "Ethernet address of the station.");
        private final OptionSpec vlan;

        Station(final String name, final String description, final String inVlan) {
            super(name, description);
            this.name = name;
            vlan = OptionSpec.builder("--vlan").paramLabel("N").type(Integer.class).description(inVlan).build();
            own().addPositional(mac).addOption(vlan);
        }

        String mac() {
            return mac.getValue();
        }

        @Nullable Integer vlan() {
            return vlan.getValue();
        }

        /** Returns the station in the syntax of the API. */
        String station() {
            final Integer in = vlan();
            return "mac=" + mac().replace(",", ",,") + (in == null ? "" : ",vlan=" + in);
        }

        @Override
        final void check() {
            ConfigReader.parseStation("fdb " + name, station());
        }
    }

    private static final class Add extends Station {
        private final PositionalParamSpec port = Specs.parameter(1, "PORT", "Name of the station's port.");

        Add() {
            super("add",
                "Adds a static station: it neither ages nor moves to another port, until it or its port is removed. "
                    + "Upgrades keep it.",
                "VLAN of the station; the VLAN of the port's untagged frames if not given.");
            own().addPositional(port);
        }

        @Override
        String station() {
            return super.station() + ",port=" + port.<String>getValue().replace(",", ",,");
        }

        @Override
        String request(final ApiClient client) {
            return client.change("POST", FDB, station());
        }
    }

    private static final class Remove extends Station {
        Remove() {
            super("remove",
                "Removes a station, learned or static. The switch learns it again from its next frame.",
                "VLAN of the station; required if the station is known in several.");
        }

        @Override
        String request(final ApiClient client) {
            final Integer in = vlan();
            return client.change("DELETE", FDB + '/' + ApiClient.encoded(mac()) + (in == null ? "" : "?vlan=" + in),
                null);
        }
    }

    private static final class Flush extends ClientCommand {
        private final PositionalParamSpec port = PositionalParamSpec.builder().index("0").paramLabel("PORT")
            .type(String.class)
            .arity("0..1").description("Remove only the stations behind this port.").build();
        private final OptionSpec statics = Specs.flag("--static", "Remove static stations as well.");

        Flush() {
            super("flush", "Removes the learned stations, and prints their number.");
            own().addPositional(port).addOption(statics);
        }

        @Override
        String request(final ApiClient client) {
            final String behind = port.getValue();
            return client.change("DELETE", FDB + "?static=" + Specs.isSet(statics)
                + (behind == null ? "" : "&port=" + ApiClient.encoded(behind)), null);
        }
    }
}
