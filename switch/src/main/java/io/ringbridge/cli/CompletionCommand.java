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
        "  source <(ringbridge completion zsh)",
        "  ringbridge completion zsh >/usr/local/share/zsh/site-functions/_ringbridge"})
final class CompletionCommand implements Callable<Integer> {
    /** The shells. */
    enum Shell {
        BASH {
            @Override
            String script() {
                return AutoComplete.bash("ringbridge", Main.line());
            }
        },
        /** The script loads zsh's emulation of bash's completion, which has no {@code compopt}. */
        ZSH {
            @Override
            String script() {
                return "#compdef ringbridge\n" + BASH.script().replace("  alias compopt=complete\n", "") + """

                    # From a directory of functions, zsh loads this file when it completes for the first time.
                    [[ $funcstack[1] != _ringbridge ]] || _bash_complete -o default -F _complete_ringbridge
                    """;
            }
        };

        abstract String script();

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
        out.print(shell.script());
        out.flush();
        return CommandLine.ExitCode.OK;
    }
}
