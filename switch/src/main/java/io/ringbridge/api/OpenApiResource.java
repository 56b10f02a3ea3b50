package io.ringbridge.api;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;

/** The description of the API for programs (OpenAPI 3.1). */
record OpenApiResource() implements Resource {
    private static final String DOCUMENT = "openapi.yaml";

    @Override
    public List<Route> routes() {
        return List.of(Route.get("/v1/" + DOCUMENT,
            _ -> Answer.of(new Answer.Document("application/yaml", ByteBuffer.wrap(document())))));
    }

    private static byte[] document() {
        try (InputStream in = Objects.requireNonNull(OpenApiResource.class.getResourceAsStream(DOCUMENT), DOCUMENT)) {
            return in.readAllBytes();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
