package io.ringbridge.cli;

import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;

/** Prints a script that completes commands and options in a shell. */
@Command(name = "completion", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Prints a script with which a shell completes commands, options and choices.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  source <(ringbridge completion bash)",
        "  ringbridge completion bash >/etc/bash_completion.d/ringbridge",
        "  ringbridge completion zsh >/usr/share/zsh/site-functions/_ringbridge"})
final class CompletionCommand implements Callable<Integer> {
    /** The shells. */
    enum Shell {
        BASH(""),
        /** The script runs in zsh's emulation of bash's completion, which it has to load. */
        ZSH("#compdef ringbridge\nautoload -Uz compinit bashcompinit && compinit && bashcompinit\n");

        private final String start;

        Shell(final String start) {
            this.start = start;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Parameters(paramLabel = "SHELL", description = "One of ${COMPLETION-CANDIDATES}.")
    private Shell shell;

    @Override
    public Integer call() {
        final PrintWriter out = spec.commandLine().getOut();
        out.print(shell.start);
        out.print(AutoComplete.bash("ringbridge", Main.line()));
        out.flush();
        return CommandLine.ExitCode.OK;
    }
}
