package io.ringbridge.cli;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

/** Tests the completion scripts in real shells. */
@Timeout(60)
class CompletionTest {
    private static final String COMPINIT = "autoload -Uz compinit; compinit -D -u";

    @TempDir
    private Path dir;

    @Test
    void bashCompletesCommandsOptionsAndChoices() throws Exception {
        assertEquals(List.of("upgrade"), complete("ringbridge", "up"));
        assertEquals(List.of("attach"), complete("ringbridge", "att"));
        assertEquals(List.of("suspend"), complete("ringbridge", "port", "sus"));
        assertEquals(List.of("--static"), complete("ringbridge", "fdb", "flush", "--st"));
        assertEquals(List.of("cloud-hypervisor", "crosvm"), complete("ringbridge", "attach", "--for", "c"));
        assertEquals(List.of("port", "ports"), complete("ringbridge", "show", "por"));
    }

    /** Each line is completed in a shell of its own, because the first completion also loads the script. */
    @ParameterizedTest
    @CsvSource({
        "ringbridge up, 'ringbridge upgrade '",
        "ringbridge port sus, 'ringbridge port suspend '",
        "ringbridge fdb flush --st, 'ringbridge fdb flush --static '",
        "ringbridge attach --for cl, 'ringbridge attach --for cloud-hypervisor '",
        "ringbridge show por, ringbridge show port",
        "ringbridge run --config switch, 'ringbridge run --config switch.yaml '"})
    void zshCompletesWithAnInstalledAndASourcedScript(final String line, final String completed) throws Exception {
        Files.createFile(dir.resolve("switch.yaml"));
        final Path script = Files.writeString(dir.resolve("_ringbridge"), Run.of("completion", "zsh").out());
        assertEquals(completed, completeInZsh("fpath=(" + dir + " $fpath); " + COMPINIT, line));
        assertEquals(completed, completeInZsh(COMPINIT + "; source " + script, line));
    }

    /** Presses Tab on a terminal of zsh, and then a key that prints the line and whatever was printed before it. */
    private String completeInZsh(final String setUp, final String line) throws IOException, InterruptedException {
        final Path ask = Files.writeString(dir.resolve("ask"), """
            zmodload zsh/zpty
            zpty shell zsh -f -i
            zpty -w shell "cd $1; $2"
            zpty -w shell 'report() { print -r -- "BEGIN=$BUFFER=END" }; zle -N report; bindkey "^X" report'
            zpty -w shell 'echo prep""ared'
            zpty -r shell out '*prepared*'
            zpty -w -n shell "$3"$'\\t\\x18'
            zpty -r shell out '*BEGIN=*=END*'
            print -r -- "$out"
            zpty -d shell
            """);
        final Process zsh = start(new ProcessBuilder("zsh", "-f", ask.toString(), dir.toString(), setUp, line));
        try {
            assertTrue(zsh.waitFor(30, TimeUnit.SECONDS), line);
            final String out = new String(zsh.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertFalse(out.contains("not found"), out);
            return out.substring(out.lastIndexOf("BEGIN=") + 6, out.lastIndexOf("=END"));
        } finally {
            zsh.destroyForcibly();
        }
    }

    private static Process start(final ProcessBuilder command) throws IOException {
        try {
            final Process process = command.redirectErrorStream(true).start();
            process.getOutputStream().close();
            return process;
        } catch (final IOException e) {
            if (!"true".equals(System.getenv("CI"))) {
                abort(command.command().getFirst() + " is missing; install it");
            }
            throw e;
        }
    }

    private List<String> complete(final String... words) throws IOException, InterruptedException {
        final Path script = Files.writeString(dir.resolve("completion"), Run.of("completion", "bash").out());
        final String line = String.join(" ", words);
        final String ask = "source " + script + "; COMP_WORDS=(" + line + "); COMP_CWORD=" + (words.length - 1)
            + "; COMP_LINE='" + line + "'; COMP_POINT=" + line.length()
            + "; _complete_ringbridge; printf '%s\\n' \"${COMPREPLY[@]}\"";
        final Process bash = new ProcessBuilder("bash", "--norc", "-c", ask)
            // The script sets options of the completion in progress, and here there is none.
            .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        bash.getOutputStream().close();
        final String out = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(bash.waitFor(30, TimeUnit.SECONDS));
        return out.lines().map(String::strip).sorted().toList();
    }
}
