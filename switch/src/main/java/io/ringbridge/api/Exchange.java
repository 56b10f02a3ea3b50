package io.ringbridge.api;

import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A request and its response. Exactly one answer is sent. */
record Exchange(Request request, Response response, Callback callback, ApiConnections connections) {
    private static final Logger LOG = LoggerFactory.getLogger(Exchange.class);
    private static final String TEXT = "text/plain";
    private static final String JSON = "application/json";

    Connection connection() {
        return request.getConnectionMetaData().getConnection();
    }

    /** Whether the client prefers text for people, a table or a sentence, to JSON. */
    private boolean wantsText() {
        return request.getHeaders().getQualityCSV(HttpHeader.ACCEPT).stream()
            .filter(type -> type.equals(TEXT) || type.equals(JSON))
            .findFirst().filter(TEXT::equals).isPresent();
    }

    /** Returns this exchange with an action for the time after it. */
    Exchange then(final Runnable action) {
        return new Exchange(request, response, Callback.from(callback, action), connections);
    }

    /** Returns an answer with its view formatted as the client prefers. */
    Answer formatted(final Answer answer) {
        if (!(answer.content() instanceof final Answer.View view)) {
            return answer;
        }
        final boolean text = wantsText();
        final String content = text ? view.text().get() : Json.write(view.json()) + '\n';
        return answer.with(new Answer.Document(text ? TEXT + ";charset=utf-8" : view.type(),
            StandardCharsets.UTF_8.encode(content)));
    }

    /** Sends an answer. */
    void send(final Answer unformatted) {
        final Answer answer = formatted(unformatted);
        response.setStatus(answer.status());
        answer.headers().forEach((name, value) -> response.getHeaders().put(name, value));
        final Callback sent = Callback.from(callback, () -> {
            connections.answered(connection());
            answer.sent().run();
        });
        switch (answer.content()) {
            case Answer.Stream stream when !isHead() -> stream(stream, sent);
            case Answer.Stream stream -> send(stream.type(), BufferUtil.EMPTY_BUFFER, sent);
            case Answer.Document(String type, ByteBuffer bytes) -> send(type, bytes.duplicate(), sent);
            default -> response.write(true, BufferUtil.EMPTY_BUFFER, sent);
        }
    }

    /**
     * Sends an answer to a request whose body has not been read to its end. The connection is closed after it, once the
     * client has sent the rest.
     */
    void refuse(final Answer answer) {
        final HttpFields headers = request.getHeaders();
        final boolean isBodyToCome = (request.getLength() > 0 || headers.contains(HttpHeader.TRANSFER_ENCODING))
            && !headers.contains(HttpHeader.EXPECT, HttpHeaderValue.CONTINUE.asString());
        if (!isBodyToCome) {
            send(answer);
            return;
        }
        response.getHeaders().put(HttpHeader.CONNECTION, HttpHeaderValue.CLOSE);
        new Exchange(request, response, new Drain(request, callback), connections).send(answer);
    }

    private boolean isHead() {
        return HttpMethod.HEAD.is(request.getMethod());
    }

    private void send(final String type, final ByteBuffer bytes, final Callback sent) {
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, type);
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, bytes.remaining());
        connections.answering(connection(), bytes.remaining());
        response.write(true, isHead() ? BufferUtil.EMPTY_BUFFER : bytes, sent);
    }

    private void stream(final Answer.Stream stream, final Callback sent) {
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, stream.type());
        final Thread writer = Thread.ofVirtual().name("rb-api-stream").unstarted(() -> write(stream, sent));
        connection().addEventListener(new Connection.Listener() {
            @Override
            public void onClosed(final Connection closed) {
                writer.interrupt();
            }
        });
        writer.start();
    }

    private void write(final Answer.Stream stream, final Callback sent) {
        try (OutputStream out = Content.Sink.asOutputStream(response)) {
            stream.writer().write(out);
        } catch (final IOException | InterruptedException e) {
            sent.failed(e);
            return;
        } catch (final RuntimeException e) {
            LOG.error("{} failed", request.getHttpURI(), e);
            sent.failed(e);
            return;
        }
        sent.succeeded();
    }
}
