package io.ringbridge.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.app.Switch;
import io.ringbridge.config.ConfigReader;
import io.swagger.v3.oas.models.OpenAPI;
import io.swagger.v3.oas.models.Operation;
import io.swagger.v3.oas.models.PathItem;
import io.swagger.v3.oas.models.media.Schema;
import io.swagger.v3.oas.models.parameters.Parameter;
import io.swagger.v3.oas.models.responses.ApiResponse;
import io.swagger.v3.parser.OpenAPIV3Parser;
import io.swagger.v3.parser.core.models.ParseOptions;
import io.swagger.v3.parser.core.models.SwaggerParseResult;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that the API does what its description says, operation by operation, and nothing else. */
@Timeout(60)
class OpenApiTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    /** Operations that a switch without a program and without a configuration file refuses. */
    private static final Map<String, String> REFUSED =
        Map.of("POST /v1/upgrade", "500", "POST /v1/config/reload", "409");

    @TempDir
    private Path dir;

    private Path socket;
    private Switch running;
    private List<Described> operations;
    @SuppressWarnings("rawtypes")
    private Map<String, Schema> schemas;

    /** An operation of the description. */
    private record Described(String method, String path, PathItem item, Operation operation) {
        String name() {
            return method + ' ' + path;
        }

        List<Parameter> parameters(final String in) {
            return Stream.of(item.getParameters(), operation.getParameters()).filter(Objects::nonNull)
                .flatMap(List::stream).filter(parameter -> in.equals(parameter.getIn())).toList();
        }

        /** Returns the path with a value for each variable. */
        String at(final Function<Parameter, String> value) {
            String target = path;
            for (final Parameter each : parameters("path")) {
                target = target.replace('{' + each.getName() + '}', value.apply(each));
            }
            return target;
        }

        String target() {
            final List<String> query = parameters("query").stream()
                .map(each -> each.getName() + '=' + OpenApiTest.example(each)).toList();
            return at(OpenApiTest::example) + (query.isEmpty() ? "" : '?' + String.join("&", query));
        }

        boolean hasBody() {
            return operation.getRequestBody() != null;
        }
    }

    /** An answer, by its parts. */
    private record Answered(int status, String head, String body) {
        static Answered parse(final String text) {
            final int end = text.indexOf("\r\n\r\n");
            return new Answered(Integer.parseInt(text.split(" ", 3)[1]), text.substring(0, end + 2),
                text.substring(end + 4));
        }

        String type() {
            return head.lines().filter(line -> line.startsWith("Content-Type: "))
                .map(line -> line.substring(14).replaceAll(";.*", "")).findFirst().orElse("");
        }
    }

    @BeforeEach
    void start() throws IOException {
        socket = dir.resolve("api.sock");
        running = Switch.start(ConfigReader.parse("f", "ports: [{name: vm1, socket: " + dir.resolve("vm1.sock")
            + "}]"));
        running.openPorts();
        running.openApi(socket);
        operations = described(Answered.parse(RawClient.exchange(socket, "GET /v1/openapi.yaml")).body());
    }

    @AfterEach
    void stop() {
        running.close();
    }

    private static String example(final Parameter parameter) {
        return parameter.getExample().toString().replace("\"", "");
    }

    private List<Described> described(final String document) {
        final ParseOptions options = new ParseOptions();
        options.setResolve(true);
        options.setResolveFully(true);
        final SwaggerParseResult parsed = new OpenAPIV3Parser().readContents(document, null, options);
        assertEquals(List.of(), parsed.getMessages());
        final OpenAPI api = parsed.getOpenAPI();
        schemas = api.getComponents().getSchemas();
        final List<Described> all = new ArrayList<>();
        api.getPaths().forEach((path, item) -> item.readOperationsMap().forEach((method, operation) ->
            all.add(new Described(method.name(), path, item, operation))));
        return all;
    }

    @Test
    void everyOperationIsDescribedAndNoOther() {
        final Map<String, String> expected = new TreeMap<>();
        for (final Route route : new Router(ApiResources.of(new FakeSwitch())).routes()) {
            expected.put(route.method() + ' ' + route.path(), route.body() + " " + new TreeSet<>(route.parameters()));
        }
        final Map<String, String> actual = new TreeMap<>();
        for (final Described each : operations) {
            final Set<String> query = new TreeSet<>(each.parameters("query").stream().map(Parameter::getName).toList());
            final Route.Body body = !each.hasBody() ? Route.Body.NONE
                : each.operation().getRequestBody().getRequired() ? Route.Body.NEEDED : Route.Body.OPTIONAL;
            actual.put(each.name(), body + " " + query);
        }
        assertEquals(expected, actual);
    }

    @Test
    void everyOperationAnswersAsDescribed() throws IOException {
        running.startedBy(_ -> List.of("/nonexistent/ringbridge"));
        final List<Described> ordered = new ArrayList<>(operations);
        ordered.sort(Comparator.comparing(each -> each.method().equals("DELETE") ? each.path() : ""));
        for (final Described each : ordered) {
            final Answered answer = isStream(each) ? head(each) : send(each.method(), each.target(), body(each));
            final String status = String.valueOf(answer.status());
            final String refused = REFUSED.get(each.name());
            if (refused != null) {
                assertEquals(refused, status, answer.body());
                assertProblem(answer, each);
                continue;
            }
            final ApiResponse response = each.operation().getResponses().get(status);
            assertTrue(response != null, each.name() + " answers " + status + ", which is not described: "
                + answer.body());
            if (response.getContent() == null) {
                assertEquals("", answer.body(), each.name());
                continue;
            }
            assertTrue(response.getContent().containsKey(answer.type()), each.name() + ": " + answer.type());
            if (answer.type().equals("application/json")) {
                assertMatches(each.name(), response.getContent().get(answer.type()).getSchema(),
                    MAPPER.readTree(answer.body()));
            }
        }
    }

    private static boolean isStream(final Described operation) {
        final ApiResponse response = operation.operation().getResponses().get("200");
        return response != null && response.getContent() != null
            && response.getContent().containsKey("text/event-stream");
    }

    /** Returns the head of an answer that does not end. */
    private Answered head(final Described operation) throws IOException {
        try (RawClient client = RawClient.connect(socket).send(operation.method() + ' ' + operation.target()
            + " HTTP/1.1\r\nHost: localhost\r\n\r\n")) {
            final ByteBuffer bytes = ByteBuffer.allocate(4096);
            while (!StandardCharsets.UTF_8.decode(bytes.duplicate().flip()).toString().contains("\r\n\r\n")) {
                assertTrue(client.channel().read(bytes) > 0, operation.name());
            }
            return Answered.parse(StandardCharsets.UTF_8.decode(bytes.flip()).toString());
        }
    }

    private String body(final Described operation) throws IOException {
        if (!operation.hasBody()) {
            return null;
        }
        final Object example = operation.operation().getRequestBody().getContent().get("application/json")
            .getExample();
        return MAPPER.writeValueAsString(example).replace("/run/ringbridge", dir.toString());
    }

    private Answered send(final String method, final String target, final String body) throws IOException {
        final StringBuilder request = new StringBuilder(method + ' ' + target
            + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        if (body != null) {
            request.append("Content-Type: application/json\r\nContent-Length: ")
                .append(body.getBytes(StandardCharsets.UTF_8).length).append("\r\n");
        }
        try (RawClient client = RawClient.connect(socket)
            .send(request.append("\r\n").append(body == null ? "" : body).toString())) {
            final StringBuilder head = new StringBuilder();
            final ByteBuffer next = ByteBuffer.allocate(1);
            while (head.indexOf("\r\n\r\n") < 0 && client.channel().read(next) > 0) {
                head.append((char) next.flip().get());
                next.clear();
            }
            // A stream does not end by itself, and has no length.
            final boolean ends = head.indexOf("Content-Length: ") > 0;
            return Answered.parse(head + (ends ? client.answer() : ""));
        }
    }

    /** Checks that a value has the type of its schema, all required members, and only described ones. */
    private void assertMatches(final String where, final Schema<?> unresolved, final JsonNode value) {
        final Schema<?> schema = resolved(unresolved);
        if (schema.getTypes() != null) {
            assertTrue(schema.getTypes().contains(type(schema, value)),
                where + ": " + value + " is not of type " + schema.getTypes());
        }
        if (value.isArray()) {
            value.forEach(item -> assertMatches(where + "[]", schema.getItems(), item));
        }
        final List<Schema<?>> parts = new ArrayList<>(List.of(schema));
        if (schema.getAllOf() != null) {
            schema.getAllOf().forEach(part -> parts.add(resolved(part)));
        }
        final Map<String, Schema<?>> members = new TreeMap<>();
        for (final Schema<?> part : parts) {
            if (part.getRequired() != null) {
                part.getRequired().forEach(key -> assertTrue(value.has(key), where + " lacks " + key + ": " + value));
            }
            if (part.getProperties() != null) {
                part.getProperties().forEach((key, member) -> members.put(key, member));
            }
        }
        value.properties().forEach(member -> {
            final Schema<?> described = members.isEmpty() && schema.getAdditionalProperties() instanceof Schema<?> any
                ? any : members.get(member.getKey());
            assertTrue(described != null || members.isEmpty(), where + ": " + member.getKey() + " is not described");
            if (described != null) {
                assertMatches(where + '.' + member.getKey(), described, member.getValue());
            }
        });
    }

    private Schema<?> resolved(final Schema<?> schema) {
        return schema.get$ref() == null ? schema : schemas.get(schema.get$ref().replaceAll(".*/", ""));
    }

    private static String type(final Schema<?> schema, final JsonNode value) {
        return switch (value.getNodeType()) {
            case OBJECT -> "object";
            case ARRAY -> "array";
            case STRING -> "string";
            case BOOLEAN -> "boolean";
            case NUMBER -> value.isIntegralNumber() && schema.getTypes().contains("integer") ? "integer" : "number";
            default -> "null";
        };
    }

    private void assertProblem(final Answered answer, final Described operation) throws IOException {
        assertEquals("application/problem+json", answer.type(), operation.name() + ": " + answer.body());
        final JsonNode problem = MAPPER.readTree(answer.body());
        assertMatches(operation.name(), operation.operation().getResponses().get("default").getContent()
            .get("application/problem+json").getSchema(), problem);
        assertEquals(answer.status(), problem.get("status").asInt());
        assertTrue(!problem.get("detail").asText().contains("\n"), problem.toString());
    }

    @Test
    void badRequestsAreProblemsThatNameTheKeyAndChangeNothing() throws IOException {
        final String before = send("GET", "/v1/config", null).body();
        for (final Described each : operations) {
            final String unknown = each.target().replaceAll("\\?.*", "") + "?nonsense=1";
            assertProblem(400, "nonsense", send(each.method(), unknown, body(each)), each);
            if (!each.parameters("path").isEmpty()) {
                final Answered answer = send(each.method(), each.at(_ -> "none"), body(each));
                assertTrue(answer.status() == 404 || answer.status() == 400, answer.toString());
                assertProblem(answer, each);
            }
            if (each.hasBody()) {
                assertProblem(400, "nonsense", send(each.method(), each.target(), "{\"nonsense\": 1}"), each);
                assertProblem(400, null, send(each.method(), each.target(), "{\"nonsense\""), each);
                assertProblem(400, null, send(each.method(), each.target(), "[]"), each);
            }
        }
        assertEquals(before, send("GET", "/v1/config", null).body());
    }

    private void assertProblem(final int status, final String key, final Answered answer,
        final Described operation) throws IOException {
        assertEquals(status, answer.status(), operation.name() + ": " + answer.body());
        assertProblem(answer, operation);
        final JsonNode problem = MAPPER.readTree(answer.body());
        assertEquals(key, problem.has("key") ? problem.get("key").asText() : null, problem.toString());
        assertEquals(key != null, problem.has("allowed"), problem.toString());
    }

    @Test
    void aMistakeInAValueIsNamedWithWhatIsAllowed() throws IOException {
        final JsonNode problem = MAPPER.readTree(send("POST", "/v1/ports",
            "{\"name\": \"b\", \"socket\": \"/tmp/b\", \"mtu\": 17}").body());
        assertEquals(List.of("Bad Request", "400", "mtu", "17"), Stream.of("title", "status", "key", "value")
            .map(key -> problem.get(key).asText()).toList());
        assertTrue(problem.get("allowed").asText().matches("\\d+ to \\d+"), problem.toString());
        final JsonNode taken = MAPPER.readTree(send("POST", "/v1/ports",
            "{\"name\": \"vm1\", \"socket\": \"/tmp/b\"}").body());
        assertEquals(List.of("409", "name", "vm1"), Stream.of("status", "key", "value")
            .map(key -> taken.get(key).asText()).toList());
    }

    @Test
    void otherMethodsAreRefusedWithTheDescribedOnes() throws IOException {
        final Map<String, Set<String>> methods = new LinkedHashMap<>();
        operations.forEach(each -> methods.computeIfAbsent(each.at(OpenApiTest::example),
            _ -> new TreeSet<>()).add(each.method()));
        for (final Map.Entry<String, Set<String>> each : methods.entrySet()) {
            final Answered answer = send("OPTIONS", each.getKey(), null);
            assertEquals(405, answer.status());
            final Set<String> allowed = new TreeSet<>(List.of(answer.head().lines()
                .filter(line -> line.startsWith("Allow: ")).findFirst().orElseThrow().substring(7).split(", ", -1)));
            allowed.remove("HEAD");
            assertEquals(each.getValue(), allowed, each.getKey());
        }
    }
}
