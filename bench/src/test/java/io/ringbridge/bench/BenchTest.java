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
        throughput --target /a --target /b --ports 2 | --backend, --ports, --switch-cpus and --switch-poll apply to
        throughput --target /a --target /b --backend ovs | --backend, --ports, --switch-cpus and --switch-poll apply to
        throughput --backend ovs,testpmd             | --backend names 2 back-ends; this command measures one
        throughput --backend vpp                     | Invalid value for option '--backend'
        throughput --backend testpmd --ports 4       | --backend testpmd is a pipe between two ports; 4 were requested
        throughput --trials 0                        | --trials 0 is out of range; 1 to 1000 is allowed
        throughput --csv /nowhere/a                  | --csv /nowhere/a: /nowhere is not a writable directory
        learning --backend testpmd                   | --backend testpmd is a pipe between two ports; 3 were requested
        learning --csv /nowhere/a                    | --csv /nowhere/a: /nowhere is not a writable directory
        latency --backend ovs,ovs                    | --backend names 2 back-ends; at most 3 different ones
        latency --backend ovs,testpmd --name x       | --name applies to one back-end; --backend names 2
        latency --trials 1001                        | --trials 1001 is out of range; 1 to 1000 is allowed
        latency --series /nowhere/a.hlog             | --series /nowhere/a.hlog: /nowhere is not a writable directory
        latency --series a.hlog --seconds 601        | --series: a trial has at most 600 seconds; --seconds is 601.0
        plot a.json                                  | Missing required option: '--output=FILE'
        plot -o a.svg                                | Missing required parameter: 'FILE'
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
        compare --trials 0                           | --trials 0 is out of range; 1 to 1000 is allowed
        compare --sizes 64,1515                      | --sizes 1515 is out of range; 64 to 1514 is allowed
        compare --bursts 33                          | --bursts 33 is out of range; 1 to 32 is allowed
        compare --seconds 0                          | --seconds 0.0 is out of range; 0.1 to 3600 seconds is allowed
        compare --plot a.gif                         | --plot a.gif does not end in .svg or .png
        compare --csv /nowhere/a.csv                 | --csv /nowhere/a.csv: /nowhere is not a writable directory
        compare --systems ours                       | Invalid value for option '--systems'
        compare --switch-cpu 4096                    | --switch-cpu 4096:
        compare --generator-cpu one                  | Invalid value for option '--generator-cpu'
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
        for (final String command : new String[] {"throughput", "latency", "learning", "compare", "plot"}) {
            assertTrue(out.toString().contains("\n  " + command + " "), out::toString);
        }
        assertEquals(0, run("throughput --help"));
        assertTrue(out.toString().contains("--target"), out::toString);
    }
}
