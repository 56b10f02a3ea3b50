package io.ringbridge.cli;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the completion script in a real bash. */
@Timeout(60)
class CompletionTest {
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

    @Test
    void zshLoadsItsEmulationOfBash() {
        final String script = Run.of("completion", "zsh").out();
        assertTrue(script.startsWith("#compdef ringbridge\n"), script);
        assertTrue(script.contains("bashcompinit"), script);
        assertTrue(script.endsWith(Run.of("completion", "bash").out()));
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
