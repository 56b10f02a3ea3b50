package io.ringbridge.bench;

import io.ringbridge.bench.machine.Await;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.peer.Program;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** The frames that cross an interface, captured by tcpdump and parsed by tshark. */
final class Tshark implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final Path file;
    private final Program tcpdump;

    private Tshark(final Path file, final Program tcpdump) {
        this.file = file;
        this.tcpdump = tcpdump;
    }

    /**
     * Starts a capture. Every frame that crosses the interface after this method returns is in the file immediately.
     */
    static Tshark capture(final NetworkNamespace namespace, final String device, final Path file, final String filter) {
        final Program tcpdump = namespace.start("tcpdump", "-i", device, "--immediate-mode", "-U", "-w",
            file.toString(), filter);
        tcpdump.awaitLine(Pattern.compile("listening on"), LIMIT);
        return new Tshark(file, tcpdump);
    }

    /**
     * Waits until that many frames pass a display filter.
     *
     * @return one row per frame, with fields separated by tabs
     */
    List<String> await(final int count, final String filter, final String... fields) {
        final List<String> rows = new ArrayList<>();
        Await.until(count + " frames that match " + filter, LIMIT, () -> {
            rows.clear();
            try {
                rows.addAll(read(file, filter, fields));
            } catch (BenchException _) {
                return false; // tcpdump is in the middle of writing a frame
            }
            return rows.size() >= count;
        });
        return rows;
    }

    /**
     * Reads the frames that pass a display filter from a complete file.
     *
     * @return one row per frame, with fields separated by tabs
     */
    static List<String> read(final Path file, final String filter, final String... fields) {
        final List<String> command = new ArrayList<>(List.of("tshark", "-r", file.toString(), "-o",
            "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-Y", filter, "-T", "fields"));
        for (final String field : fields) {
            command.addAll(List.of("-e", field));
        }
        return Program.run(LIMIT, command.toArray(String[]::new)).lines().filter(line ->
            !line.startsWith("Running as user")).toList();
    }

    @Override
    public void close() {
        tcpdump.close();
    }
}
