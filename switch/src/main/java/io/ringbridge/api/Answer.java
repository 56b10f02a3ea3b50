package io.ringbridge.api;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The answer to a request.
 *
 * @param headers additional headers, such as {@code Location}
 * @param sent is called once the answer is sent, or sending it failed
 */
record Answer(int status, Content content, Map<String, String> headers, Runnable sent) {
    /** The answer to a change that returns nothing. */
    static final Answer DONE = new Answer(204, new Nothing());
    private static final int OK = 200;
    private static final int CREATED = 201;
    private static final String JSON = "application/json";

    private Answer(final int status, final Content content) {
        this(status, content, Map.of(), () -> { });
    }

    /** The body of an answer. */
    sealed interface Content {
    }

    /** No body. */
    record Nothing() implements Content {
    }

    /**
     * JSON for programs or text for people, as the client prefers.
     *
     * @param type the media type of the JSON
     */
    record View(String type, Object json, Supplier<String> text) implements Content {
    }

    /** A document in one media type. */
    record Document(String type, ByteBuffer bytes) implements Content {
    }

    /** A body that is written as it arises. */
    record Stream(String type, Writer writer) implements Content {
    }

    /** Writes the body of a {@link Stream}. */
    interface Writer {
        /**
         * Writes until the body is complete, on a virtual thread of its own. A client that does not read blocks it. The
         * thread is interrupted if the connection is closed; a client that leaves is noticed by the next write only.
         *
         * @throws IOException if the client is gone
         * @throws InterruptedException if the connection is closed
         */
        void write(OutputStream out) throws IOException, InterruptedException;
    }

    /** Returns a view. */
    static <T> Answer of(final T view, final Function<T, String> text) {
        return new Answer(OK, new View(JSON, view, () -> text.apply(view)));
    }

    /** Returns the view of something new; people get no text. */
    static Answer created(final String location, final Object view) {
        return new Answer(CREATED, new View(JSON, view, () -> ""), Map.of("Location", location), () -> { });
    }

    /** Returns the view of something new that has no path of its own. */
    static Answer created(final Object view) {
        return new Answer(CREATED, new View(JSON, view, () -> ""));
    }

    static Answer of(final Document document) {
        return new Answer(OK, document);
    }

    static Answer of(final Stream stream) {
        return new Answer(OK, stream);
    }

    /** Returns the answer to a request that failed or was refused. */
    static Answer of(final Problem problem) {
        return new Answer(problem.status(), new View(Problem.MEDIA_TYPE, problem, () -> problem.detail() + '\n'));
    }

    /** Returns this answer with a header. */
    Answer with(final String header, final String value) {
        return new Answer(status, content, Map.of(header, value), sent);
    }

    /** Returns this answer with another body. */
    Answer with(final Content newContent) {
        return new Answer(status, newContent, headers, sent);
    }

    /** Returns this answer with an action for the time after it. */
    Answer then(final Runnable action) {
        return new Answer(status, content, headers, action);
    }
}
