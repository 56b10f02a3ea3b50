package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.config.ConfigReader;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Adds, removes and lists mirrors, while the switch runs. */
final class MirrorCommand {
    private static final String MIRRORS = "/v1/mirrors";

    private MirrorCommand() {
    }

    static CommandSpec spec() {
        final CommandSpec spec = Specs.examples(Specs.group("mirror", "missing command: add, remove or list",
            "Copies the frames of a port, or of a VLAN, to another port of a running switch. That port takes no part "
                + "in the bridge meanwhile: it receives the copies only, and frames from it are dropped.%n"),
            "  ringbridge mirror add m1 --from vm1 --to monitor",
            "  ringbridge mirror add m2 --from vm2 --direction in --to tap0",
            "  ringbridge mirror add m3 --from vlan:10 --to monitor",
            "  ringbridge mirror list",
            "  ringbridge mirror remove m1");
        return Specs.with(spec, new Add().spec(), new Remove().spec(), new Listing().spec());
    }

    private static OptionSpec required(final String name, final String label, final String description) {
        return OptionSpec.builder(name).paramLabel(label).type(String.class).required(true).description(description)
            .build();
    }

    private static final class Add extends ClientCommand {
        private final PositionalParamSpec name = Specs.parameter(0, "NAME", "Name of the mirror.");
        private final OptionSpec from =
            required("--from", "PORT|vlan:N", "Port or VLAN whose frames are copied.");
        private final OptionSpec direction = OptionSpec.builder("--direction").paramLabel("in|out|both")
            .type(String.class).description("Copy the frames that enter the switch by the port, that leave by it, or "
                + "both; both if not given.").build();
        private final OptionSpec to = required("--to", "PORT", "Port that receives the copies.");

        Add() {
            super("add", "Adds a mirror. Frames in flight are not lost.");
            own().addPositional(name).addOption(from).addOption(direction).addOption(to);
        }

        private String mirror() {
            final @Nullable String word = direction.getValue();
            return "name=" + quoted(name.getValue()) + ",from=" + quoted(from.getValue())
                + (word == null ? "" : ",direction=" + quoted(word)) + ",to=" + quoted(to.getValue());
        }

        private static String quoted(final String value) {
            return value.replace(",", ",,");
        }

        @Override
        void check() {
            ConfigReader.parseMirror("mirror add", mirror());
        }

        @Override
        String request(final ApiClient client) {
            return client.change("POST", MIRRORS, mirror());
        }
    }

    private static final class Remove extends ClientCommand {
        private final PositionalParamSpec name = Specs.parameter(0, "NAME", "Name of the mirror.");

        Remove() {
            super("remove", "Removes a mirror. If its port is the destination of no other mirror, it takes part in "
                + "the bridge again.");
            own().addPositional(name);
        }

        @Override
        String request(final ApiClient client) {
            return client.change("DELETE", MIRRORS + '/' + ApiClient.encoded(name.getValue()), null);
        }
    }

    private static final class Listing extends ClientCommand {
        private final OptionSpec exact = Specs.flag("--bytes", "Print exact counts instead of 12.3M.");
        private final OptionSpec json = Specs.flag("--json", "Print JSON for programs.");

        Listing() {
            super("list", "Lists the mirrors, and how many copies they have delivered and dropped.");
            own().addOption(exact).addOption(json);
        }

        @Override
        String request(final ApiClient client) {
            return Specs.isSet(json) ? client.get(MIRRORS)
                : client.table(MIRRORS + (Specs.isSet(exact) ? "?exact=true" : ""));
        }
    }
}
