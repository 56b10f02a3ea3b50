package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import picocli.CommandLine.Model.OptionSpec;

/** Applies the configuration file to a running switch. */
final class ReloadCommand extends ClientCommand {
    private final OptionSpec dryRun = Specs.flag("--dry-run", "Print the difference, and change nothing.");
    private final OptionSpec prune =
        Specs.flag("--prune", "Also remove ports and mirrors that \"add\" commands have added and that are not in the "
            + "file.");
    private final OptionSpec recreate = Specs.flag("--recreate",
        "Remove and add ports with changes that a port cannot adopt, such as another socket. Their guests lose the "
            + "link.");

    ReloadCommand() {
        super("reload", "Reads the configuration file of the running switch again, and applies the difference: adds, "
            + "removes and changes ports and mirrors, and adopts workers, cpus and poll. Touches nothing else. If "
            + "anything is wrong, changes nothing.%n");
        own().addOption(dryRun).addOption(prune).addOption(recreate);
    }

    @Override
    String request(final ApiClient client) {
        return client.change("POST", "/v1/config/reload?dry-run=" + Specs.isSet(dryRun) + "&prune=" + Specs.isSet(prune)
            + "&recreate=" + Specs.isSet(recreate), null);
    }
}
