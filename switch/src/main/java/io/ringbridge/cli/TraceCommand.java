package io.ringbridge.cli;

import com.fasterxml.jackson.core.type.TypeReference;
import io.ringbridge.api.ApiClient;
import io.ringbridge.api.FrameView;
import io.ringbridge.api.Json;
import io.ringbridge.app.SwitchException;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/** Prints the last messages or frames of a port, or writes the frames to a file. */
final class TraceCommand extends ClientCommand {
    private static final String FRAMES = "/frames";

    private final PositionalParamSpec port = Specs.parameter(0, "PORT", "Name of the port.");
    private final OptionSpec frames = Specs.flag("--frames", "Print the last frames instead of the last messages.");
    private final OptionSpec write = OptionSpec.builder("--write").paramLabel("FILE").type(String.class)
        .description("Write the last frames to a pcapng file for Wireshark.").build();
    private final OptionSpec json = Specs.flag("--json", "Print JSON for programs.");

    TraceCommand() {
        super("trace",
            "Prints the last 256 messages of a port's vhost-user sessions, also of those that have ended. With "
                + "--frames, prints the headers of its last frames.%n");
        Specs.examples(own().addPositional(port).addOption(frames).addOption(write).addOption(json),
            "  ringbridge trace vm1",
            "  ringbridge trace vm1 --frames",
            "  ringbridge trace vm1 --write vm1.pcapng");
    }

    @Override
    void check() {
        if (write.getValue() != null && Specs.isSet(json)) {
            throw new CommandLine.ParameterException(own().commandLine(), "--write and --json exclude each other");
        }
    }

    @Override
    String request(final ApiClient client) {
        final String messages = "/v1/ports/" + ApiClient.encoded(port.getValue()) + "/trace";
        if (write.getValue() != null) {
            return write(Json.readList(client.get(messages + FRAMES), new TypeReference<>() { }),
                Path.of(write.getValue().toString()));
        }
        final String path = Specs.isSet(frames) ? messages + FRAMES : messages;
        return Specs.isSet(json) ? client.get(path) : client.table(path);
    }

    private String write(final List<FrameView> found, final Path file) {
        try (OutputStream out = Files.newOutputStream(file)) {
            FrameFile.write(out, port.getValue(), found);
        } catch (NoSuchFileException _) {
            throw new SwitchException(file + ": cannot be written: no such directory");
        } catch (AccessDeniedException _) {
            throw new SwitchException(file + ": cannot be written: permission denied");
        } catch (final IOException e) {
            throw new SwitchException(file + ": cannot be written: " + e.getMessage());
        }
        return found.size() + " frames written to " + file;
    }
}
