package io.ringbridge.bench;

import io.ringbridge.bench.harness.Await;
import io.ringbridge.bench.harness.HarnessException;
import io.ringbridge.bench.harness.Program;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** What crosses an interface, as tcpdump captures and tshark reads it. */
final class Tshark implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final Path file;
    private final Program tcpdump;

    private Tshark(final Path file, final Program tcpdump) {
        this.file = file;
        this.tcpdump = tcpdump;
    }

    /** Begins to capture; what crosses after it returns is there to be read as soon as it has crossed. */
    static Tshark capture(final NetworkNamespace namespace, final String device, final Path file, final String filter) {
        final Program tcpdump = namespace.start("tcpdump", "-i", device, "--immediate-mode", "-U", "-w", file.toString(), filter);
        tcpdump.awaitLine(Pattern.compile("listening on"), LIMIT);
        return new Tshark(file, tcpdump);
    }

    /** A row a frame that passes a display filter, with fields between tabs; waits for so many of them. */
    List<String> await(final int count, final String filter, final String... fields) {
        final List<String> rows = new ArrayList<>();
        Await.until(count + " frames that are " + filter, LIMIT, () -> {
            rows.clear();
            try {
                rows.addAll(read(file, filter, fields));
            } catch (HarnessException _) {
                return false; // a frame is written just now
            }
            return rows.size() >= count;
        });
        return rows;
    }

    /** The same of a file that is whole. */
    static List<String> read(final Path file, final String filter, final String... fields) {
        final List<String> command = new ArrayList<>(List.of("tshark", "-r", file.toString(), "-o", "ip.check_checksum:TRUE",
            "-o", "tcp.check_checksum:TRUE", "-Y", filter, "-T", "fields"));
        for (final String field : fields) {
            command.addAll(List.of("-e", field));
        }
        return Program.run(LIMIT, command.toArray(String[]::new)).lines().filter(line -> !line.startsWith("Running as user")).toList();
    }

    @Override
    public void close() {
        tcpdump.close();
    }
}
