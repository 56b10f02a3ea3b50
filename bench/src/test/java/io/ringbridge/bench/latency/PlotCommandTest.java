package io.ringbridge.bench.latency;

import io.ringbridge.bench.Required;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PlotCommandTest {
    @TempDir
    private Path directory;

    private final StringWriter out = new StringWriter();
    private String failure = "";

    private int run(final String... arguments) {
        return new CommandLine(new PlotCommand()).setOut(new PrintWriter(out))
            .setExecutionExceptionHandler((exception, _, _) -> {
                failure = String.valueOf(exception.getMessage());
                return 1;
            })
            .setParameterExceptionHandler((exception, _) -> {
                failure = String.valueOf(exception.getMessage());
                return 2;
            }).execute(arguments);
    }

    private String result(final String name, final String target, final String load) throws IOException {
        final Path file = directory.resolve(name);
        Files.writeString(file, """
            {"environment": {"processor": "AMD EPYC", "time": "2026-11-30T12:00:00Z", "commit": "abc"},
             "frames": "64", "systems": [{"setup": {"target": "%s"}, "results": [
               {"receive": "busy", "load": "%s", "distribution": [
                 {"percentile": 0, "micros": 1.2}, {"percentile": 99.9, "micros": 30}, {"percentile": 100, "micros": 50}
               ]},
               {"receive": "interrupt", "load": "90%%", "overloaded": true, "distribution": []}]}]}
            """.formatted(target, load));
        return file.toString();
    }

    @Test
    void severalFilesAreDrawnInOnePicture() throws IOException {
        Required.fonts();
        final Path plot = directory.resolve("out.svg");
        assertEquals(0, run(result("a.json", "Ringbridge", "50%"), result("b.json", "OVS-DPDK", "50%"),
            result("later.json", "Ringbridge", "50%"), "-o", plot.toString()), () -> failure);
        assertEquals(plot.toString(), out.toString().strip());
        final String text = Files.readString(plot);
        for (final String expected : new String[] {"Ringbridge", "OVS-DPDK", "Ringbridge (later)", "busy, 50%",
            "AMD EPYC, 2026-11-30T12:00:00Z, abc", "99.9 %"}) {
            assertTrue(text.contains(">" + expected), () -> expected + " is not a text of the plot");
        }
        assertFalse(text.contains(">interrupt"), "an overloaded load is not drawn");
    }

    @Test
    void aFileThatIsNotAResultIsReported() throws IOException {
        final String plot = directory.resolve("out.svg").toString();
        final Path file = directory.resolve("a.json");
        assertEquals(1, run(file.toString(), "-o", plot));
        assertEquals(file + " does not exist", failure);
        Files.writeString(file, "FRAME  SATURATION-MPPS");
        assertEquals(1, run(file.toString(), "-o", plot));
        assertTrue(failure.startsWith(file + " is not JSON: "), failure);
        Files.writeString(file, "{\"results\": [{\"frames\": \"64\"}]}");
        assertEquals(1, run(file.toString(), "-o", plot));
        assertEquals(file + " has no latencies; use the output of bench latency --json", failure);
        assertFalse(Files.exists(Path.of(plot)));
    }

    @Test
    void anUnknownFormatIsRefused() {
        assertEquals(2, run("a.json", "-o", "a.pdf"));
        assertEquals("--output a.pdf does not end in .svg or .png", failure);
    }
}
