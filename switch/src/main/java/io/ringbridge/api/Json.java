package io.ringbridge.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;

import java.util.List;

/** Converts views to JSON and back. */
public final class Json {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
        .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
        .defaultPropertyInclusion(JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.ALWAYS))
        .build();

    private Json() {
    }

    /** Returns a view as JSON on one line. */
    public static String write(final Object view) {
        try {
            return MAPPER.writeValueAsString(view);
        } catch (final JsonProcessingException e) {
            throw new IllegalArgumentException(e);
        }
    }

    /** Reads one view. */
    public static <T> T read(final String json, final Class<T> type) {
        try {
            return MAPPER.readValue(json, type);
        } catch (final JsonProcessingException e) {
            throw new ApiException(502, "the switch's answer cannot be parsed: " + e.getOriginalMessage());
        }
    }

    /** Reads a list of views. */
    public static <T> List<T> readList(final String json, final TypeReference<List<T>> type) {
        try {
            return MAPPER.readValue(json, type);
        } catch (final JsonProcessingException e) {
            throw new ApiException(502, "the switch's answer cannot be parsed: " + e.getOriginalMessage());
        }
    }
}
