package io.ringbridge.bench;

import io.ringbridge.bench.machine.ProjectRoot;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Wrong usage prints one line, which names the error and the allowed values, and starts nothing. */
class BenchTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(final String line) {
        return Bench.run(new PrintWriter(out), new PrintWriter(err), line.split(" "));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        nothing                                      | Unmatched argument at index 0: 'nothing'; see ringbridge bench
        thruput                                      | Unmatched argument at index 0: 'thruput'; see ringbridge bench
        latncy                                       | Unmatched argument at index 0: 'latncy' ("latency"?)
        throughput --sizes 63                        | --sizes: '63' is not a frame size; 64 to 9000 bytes or imix
        throughput --seconds 0                       | --seconds 0.0 is out of range; 0.05 to 3600 seconds is allowed
        throughput --resolution 60                   | --resolution 60.0 is out of range; 0.01 to 50.0 percent
        throughput --ring-size 1000                  | --ring-size 1000 is not a power of two, 64 to 32768
        throughput --pairs 129                       | --pairs 129 is out of range; 1 to 128 is allowed
        throughput --ports 1                         | --ports 1 is out of range; 2 to 64 is allowed
        throughput --cpus 1024                       | --cpus: "1024" is not a list of distinct processors
        throughput --target /a                       | --target names 1 ports; 2 to 64 are required
        throughput --target /a --target /b/../a      | --target: a socket is named twice
        throughput --target /a --target /b --ports 2 | --ports, --switch-cpus and --switch-poll apply to this switch
        throughput --stations 3                      | --stations 3 is not allowed; use a multiple of the 2 ports
        throughput --stations 131072                 | --stations 131072 is not allowed; use a multiple of the 2 ports
        throughput --stations 4 --pairs 2            | --stations above one per port cannot be combined with --pairs
        throughput --soak -1                         | --soak -1 is out of range; 0 to 9223372036854775807 is allowed
        throughput --listen                          | --listen needs --target
        throughput --rings round                     | Invalid value for option '--rings'
        latency --size 10000                         | --size: '10000' is not a frame size
        latency --rates 0                            | --rates 0 is out of range; 1 to 1000000000 is allowed
        latency --poll never                         | Invalid value for option '--poll'
        latency --plot a.pdf                         | --plot a.pdf does not end in .svg or .png
        latency --hgrm /nowhere/a.hgrm               | --hgrm /nowhere/a.hgrm: /nowhere is not a writable directory
        learning --target /a --target /b             | --target names 2 ports; 3 to 64 are required
        learning --max-addresses 0                   | --max-addresses 0 is out of range; 1 to 16777216 is allowed
        """)
    void wrongUsageIsReportedInOneLine(final String arguments, final String message) {
        assertEquals(2, run(arguments));
        assertEquals("", out.toString());
        assertTrue(err.toString().startsWith("ringbridge bench: " + message), err::toString);
        assertEquals(1, err.toString().lines().count(), err::toString);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        throughput --target /nowhere/a --target /nowhere/b               | throughput
        latency --target /nowhere/a --target /nowhere/b                  | latency
        learning --target /nowhere/a --target /nowhere/b --target /n/c   | learning
        """)
    void aMissingTargetIsReportedInOneLine(final String arguments, final String command) {
        assertEquals(1, run(arguments));
        assertTrue(err.toString().startsWith("ringbridge bench: " + command
            + ": --target /nowhere/a: cannot connect: "), err::toString);
        assertEquals(1, err.toString().lines().count(), err::toString);
    }

    /**
     * The launcher prints these files if nothing is built. {@code mvn test -Dringbridge.write-help=true} generates
     * them.
     */
    @Test
    void everyCommandHasAFileWithItsHelp() throws IOException {
        final CommandLine bench = Bench.line().setUsageHelpAutoWidth(false);
        assertHelp("bench", bench);
        for (final Map.Entry<String, CommandLine> command : bench.getSubcommands().entrySet()) {
            assertHelp("bench-" + command.getKey(), command.getValue());
        }
    }

    private static void assertHelp(final String name, final CommandLine command) throws IOException {
        final String text = command.getUsageMessage(Ansi.OFF);
        final Path file = ProjectRoot.find().resolve("switch/src/main/help").resolve(name + ".txt");
        if (Boolean.getBoolean("ringbridge.write-help")) {
            Files.writeString(file, text);
        }
        assertEquals(text, Files.exists(file) ? Files.readString(file) : "", file
            + "; mvn test -Dringbridge.write-help=true writes it");
        for (final String line : command.getCommandSpec().usageMessage().footer()) {
            assertTrue(!line.startsWith("  ")
                || line.length() < CommandLine.Model.UsageMessageSpec.DEFAULT_USAGE_WIDTH, line);
        }
    }

    @Test
    void jmhPrintsTheHelpOfTheCommandAndAcceptsItsOwnHelpOption() {
        assertEquals(0, run("jmh --help"));
        assertTrue(out.toString().contains("ringbridge bench jmh Copy"), out::toString);
        assertEquals("", err.toString());
        assertEquals(0, run("jmh -h"));
    }

    @Test
    void onlyRegularFilesAreReplaced(@TempDir final Path dir) throws IOException {
        final Path taken = Files.createSymbolicLink(dir.resolve("a.svg"), Path.of("/dev/null"));
        assertEquals(2, run("latency --plot " + taken));
        assertTrue(err.toString().contains(taken + " is not a regular file; it is not replaced"), err::toString);
    }

    @Test
    void helpNamesTheCommands() {
        assertEquals(0, run("--help"));
        for (final String command : new String[] {"throughput", "latency", "learning", "compare"}) {
            assertTrue(out.toString().contains("\n  " + command + " "), out::toString);
        }
        assertEquals(0, run("throughput --help"));
        assertTrue(out.toString().contains("--target"), out::toString);
    }
}
