package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.config.ConfigReader;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Stations that are set, or forgotten, by hand. */
final class FdbCommand {
    private FdbCommand() {
    }

    static CommandSpec spec() {
        final CommandSpec spec = Specs.examples(Specs.group("fdb", "add, remove or flush is needed",
            "Changes the forwarding table of a running switch: which address is behind which port. \"show fdb\" shows "
                + "it.%n"),
            "  ringbridge fdb add 52:54:00:00:00:01 vm1      there, whatever is heard",
            "  ringbridge fdb add 52:54:00:00:00:01 up --vlan 10",
            "  ringbridge fdb remove 52:54:00:00:00:01",
            "  ringbridge fdb flush vm1                      forget what was learned there");
        return Specs.with(spec, new Add().spec(), new Remove().spec(), new Flush().spec());
    }

    /** A command about one station. */
    private abstract static class Station extends ClientCommand {
        private final String name;
        private final PositionalParamSpec mac = Specs.parameter(0, "MAC", "The station's Ethernet address.");
        private final OptionSpec vlan;

        Station(final String name, final String description, final String inVlan) {
            super(name, description);
            this.name = name;
            vlan = OptionSpec.builder("--vlan").paramLabel("N").type(Integer.class).description(inVlan).build();
            own().addPositional(mac).addOption(vlan);
        }

        /** The station as the API takes it. */
        String station() {
            final Integer in = vlan.getValue();
            return "mac=" + mac.<String>getValue().replace(",", ",,") + (in == null ? "" : ",vlan=" + in);
        }

        @Override
        final void check() {
            ConfigReader.parseStation("fdb " + name, station());
        }
    }

    private static final class Add extends Station {
        private final PositionalParamSpec port = Specs.parameter(1, "PORT", "The name of the port it is behind.");

        Add() {
            super("add",
                "Sets a station by hand: it does not age, and stays at its port whatever is heard elsewhere, until it "
                    + "is removed "
                + "or its port is. An upgrade takes it over.",
                "The VLAN it is in; without this, that of the port's frames without a tag.");
            own().addPositional(port);
        }

        @Override
        String station() {
            return super.station() + ",port=" + port.<String>getValue().replace(",", ",,");
        }

        @Override
        String ask(final ApiClient client) {
            client.addStation(station());
            return "";
        }
    }

    private static final class Remove extends Station {
        Remove() {
            super("remove",
                "Forgets a station, learned or set by hand. One that is learned comes back with the next frame from "
                    + "it.",
                "The VLAN it is in; needed if it is known in several.");
        }

        @Override
        String ask(final ApiClient client) {
            client.removeStation(station());
            return "";
        }
    }

    private static final class Flush extends ClientCommand {
        private final PositionalParamSpec port = PositionalParamSpec.builder().index("0").paramLabel("PORT")
            .type(String.class)
            .arity("0..1").description("Only those behind this port.").build();
        private final OptionSpec statics = Specs.flag("--static", "Those set by hand as well.");

        Flush() {
            super("flush", "Forgets the stations that were learned, and prints how many.");
            own().addPositional(port).addOption(statics);
        }

        @Override
        String ask(final ApiClient client) {
            return client.flushStations(port.getValue(), Specs.isSet(statics));
        }
    }
}
