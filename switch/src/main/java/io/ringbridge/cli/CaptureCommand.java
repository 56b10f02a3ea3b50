package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.api.ApiException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** Captures the frames at a port of a running switch, as pcapng. */
final class CaptureCommand implements Callable<Integer> {
    private static final Path STANDARD_OUTPUT = Path.of("/proc/self/fd/1");
    private static final int LOST_SWITCH = 502;
    private static final int FAILED = 500;

    private final CommandSpec spec = Specs.command("capture", this,
        "Captures the frames at a port of a running switch as pcapng, each with its direction and what the switch did "
            + "with it. Writes to standard output until interrupted. A client that is too slow loses frames; the "
            + "switch is not slowed.%n");
    private final PositionalParamSpec port = Specs.parameter(0, "PORT", "Name of the port.");
    private final OptionSpec direction = option("--direction", "in|out|both", String.class,
        "Capture frames that enter the switch by the port, that leave by it, or both; both if not given.");
    private final OptionSpec filter = option("--filter", "EXPRESSION", String.class,
        "Capture only frames that match, in the syntax of pcap-filter(7), as tcpdump takes it.");
    private final OptionSpec snapLength = option("--snaplen", "BYTES", String.class,
        "Capture at most this many bytes of each frame, 1 to 65553; whole frames if not given.");
    private final OptionSpec count = option("--count", "FRAMES", String.class, "End after this many frames.");
    private final OptionSpec write = option("--write", "FILE", Path.class,
        "Write to this file instead of standard output.");
    private final OptionSpec api = ApiOption.spec();

    private static OptionSpec option(final String name, final String label, final Class<?> type,
        final String description) {
        return OptionSpec.builder(name).paramLabel(label).type(type).description(description).build();
    }

    CommandSpec spec() {
        return Specs.examples(spec.addPositional(port).addOption(direction).addOption(filter).addOption(snapLength)
                .addOption(count).addOption(write).addOption(api),
            "  ringbridge capture vm1 | wireshark -k -i -",
            "  ringbridge capture vm1 --filter 'arp or icmp' | tshark -r -",
            "  ringbridge capture vm1 --direction in --count 1000 --write vm1.pcapng");
    }

    @Override
    public Integer call() {
        final Path file = write.getValue();
        if (file == null && isTerminal()) {
            throw new CommandLine.ParameterException(spec.commandLine(), "standard output is a terminal; "
                + "choose a file with --write FILE, or a program with | wireshark -k -i -");
        }
        try (ApiClient client = ApiOption.client(api)) {
            client.stream("/v1/captures", request(), in -> copy(in, file));
        }
        return CommandLine.ExitCode.OK;
    }

    private static boolean isTerminal() {
        try {
            return Files.readSymbolicLink(STANDARD_OUTPUT).toString().matches("/dev/(pts/|tty|console).*");
        } catch (IOException _) {
            return false;
        }
    }

    /** Returns the request in the syntax of the API. */
    private String request() {
        return "port=" + quoted(port.getValue()) + part("direction", direction) + part("filter", filter)
            + part("snaplen", snapLength) + part("count", count);
    }

    private static String part(final String key, final OptionSpec option) {
        final @Nullable String value = option.getValue();
        return value == null ? "" : "," + key + '=' + quoted(value);
    }

    private static String quoted(final String value) {
        return value.replace(",", ",,");
    }

    private void copy(final InputStream in, final @Nullable Path file) {
        final String name = file == null ? "standard output" : file.toString();
        try (OutputStream out = file == null ? new FileOutputStream(FileDescriptor.out) : Files.newOutputStream(file)) {
            final PcapngCopy copy = new PcapngCopy(in, out);
            final Thread ending = new Thread(() -> report(copy), "capture-ending");
            Runtime.getRuntime().addShutdownHook(ending);
            try {
                copy.run();
            } finally {
                report(copy);
                forget(ending);
            }
            if (!copy.isComplete()) {
                throw new ApiException(LOST_SWITCH, "the switch has ended the capture");
            }
        } catch (final PcapngCopy.ReadException e) {
            throw new ApiException(LOST_SWITCH, "the connection to the switch is lost: " + e.getMessage());
        } catch (final NoSuchFileException e) {
            throw new ApiException(FAILED, name + ": no such directory");
        } catch (final AccessDeniedException e) {
            throw new ApiException(FAILED, name + ": permission denied");
        } catch (final IOException e) {
            if (file != null) { // a program that reads standard output may end at any time
                throw new ApiException(FAILED, name + ": " + e.getMessage());
            }
        }
    }

    /** Ends a copy, and prints its counts once: at its end, or upon a signal. */
    private void report(final PcapngCopy copy) {
        if (copy.stop()) {
            final PrintWriter err = spec.commandLine().getErr();
            err.println(copy.summary());
            err.flush();
        }
    }

    private static void forget(final Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException _) {
            // A signal is ending this process.
        }
    }
}
