package io.ringbridge.bench.peer;

import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.BenchException;
import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ProgramTest {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    @Test
    void bothOutputStreamsAreRecorded() {
        assertEquals("one\ntwo\n", Program.run(LIMIT, "sh", "-c", "echo one; echo two >&2"));
    }

    @Test
    void aNonZeroStatusIsAnErrorWithTheOutput() {
        final BenchException e = assertThrows(BenchException.class,
            () -> Program.run(LIMIT, "sh", "-c", "echo why; exit 3"));
        assertTrue(e.getMessage().contains("status 3") && e.getMessage().contains("why"), e.getMessage());
    }

    @Test
    void typedLinesReachTheInput() {
        try (Program cat = Program.start("cat", List.of("cat"))) {
            cat.type("hello 42");
            assertEquals("42", cat.awaitLine(Pattern.compile("hello (\\d+)\n"), LIMIT).group(1));
        }
    }

    @Test
    void waitingForALineFailsAsSoonAsTheOutputEnds() {
        try (Program program = Program.start("true", List.of("true"))) {
            assertThrows(BenchException.class, () -> program.awaitLine(Pattern.compile("never"),
                Duration.ofHours(1)));
        }
    }

    @Test
    void aSignalReachesTheProgram() {
        final String script = "trap 'echo caught; exit 5' INT; echo set; while :; do sleep 0.1; done";
        try (Program program = Program.start("sh", List.of("sh", "-c", script))) {
            program.awaitLine(Pattern.compile("set\n"), LIMIT);
            program.signal("INT");
            assertEquals(5, program.awaitExit(LIMIT));
            assertTrue(program.output().since(0).contains("caught"));
        }
    }

    @Test
    void closingEndsTheProgramAndItsChildren() {
        final ProcessHandle child;
        try (Program program = Program.start("sh", List.of("sh", "-c", "sleep 1000 & echo child $!; wait"))) {
            final long pid = Long.parseLong(program.awaitLine(Pattern.compile("child (\\d+)\n"), LIMIT).group(1));
            child = ProcessHandle.of(pid).orElseThrow();
            assertTrue(child.isAlive());
        }
        Await.until("the child to end", LIMIT, () -> !child.isAlive());
    }
}
