package io.ringbridge.bench.harness;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.ringbridge.bench.machine.BenchException;

import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Pattern;

/** A connection to QEMU's monitor, which uses the QEMU Machine Protocol. */
public final class Qmp implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private final UnixConnection connection;
    private int lastId;

    Qmp(final String name, final Path socket) {
        connection = UnixConnection.open(name + " monitor", socket, LIMIT);
        execute("qmp_capabilities");
    }

    /** Executes a command without arguments and returns its result. */
    public JsonNode execute(final String command) {
        return execute(command, JSON.createObjectNode());
    }

    /** Executes a command and returns its result. */
    public JsonNode execute(final String command, final ObjectNode arguments) {
        final int id = ++lastId;
        final int from = connection.transcript().position();
        connection.send(JSON.createObjectNode().put("execute", command).put("id", id).<ObjectNode>set("arguments",
            arguments).toString());
        final Pattern reply = Pattern.compile("^(?=.*\"(?:return|error)\":).*\"id\": " + id + "\\b.*$",
            Pattern.MULTILINE);
        final String line = connection.transcript().await(reply, from, LIMIT).group();
        try {
            final JsonNode answer = JSON.readTree(line);
            if (answer.has("error")) {
                throw new BenchException(command + ": " + answer.get("error"));
            }
            return answer.path("return");
        } catch (final JsonProcessingException e) {
            throw new BenchException("the monitor's reply is not JSON: " + line, e);
        }
    }

    @Override
    public void close() {
        connection.close();
    }
}
