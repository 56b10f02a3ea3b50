package io.ringbridge.api;

import io.ringbridge.config.ConfigException;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.ContentLengthStrategy;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.impl.DefaultContentLengthStrategy;
import org.apache.hc.core5.http.impl.io.ChunkedInputStream;
import org.apache.hc.core5.http.impl.io.ContentLengthInputStream;
import org.apache.hc.core5.http.impl.io.DefaultHttpRequestWriter;
import org.apache.hc.core5.http.impl.io.DefaultHttpResponseParser;
import org.apache.hc.core5.http.impl.io.IdentityInputStream;
import org.apache.hc.core5.http.impl.io.SessionInputBufferImpl;
import org.apache.hc.core5.http.impl.io.SessionOutputBufferImpl;
import org.apache.hc.core5.http.io.SessionInputBuffer;
import org.apache.hc.core5.http.message.BasicClassicHttpRequest;
import org.jspecify.annotations.Nullable;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.URLEncoder;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Predicate;

/**
 * Sends requests to a running switch, each on a connection of its own.
 *
 * <p>A command lives for one request. This class uses a blocking channel, and JSON only if the caller asks for it:
 * the classes of an HTTP client cost more processor time than everything else that {@code ringbridge show} does.
 */
public final class ApiClient implements AutoCloseable {
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    /** Covers the stages of an upgrade after the new process has started; the switch limits each of them itself. */
    private static final Duration HAND_OVER = Duration.ofSeconds(40);
    private static final int BUFFER = 8192;
    private static final int SUCCESS = 2;
    private static final int HUNDRED = 100;
    private static final String JSON = "application/json";
    private static final String TEXT = "text/plain";
    private static final int BAD_GATEWAY = 502;
    private static final int TIMED_OUT = 504;

    private final Path socket;

    /**
     * Opens no connection: each request opens its own.
     *
     * @throws ConfigException if a Unix socket cannot have this path
     */
    public ApiClient(final Path socket) {
        ApiSocket.checkPath(socket);
        this.socket = socket;
    }

    /** Returns the JSON at a path such as {@code /v1/ports}. */
    public String get(final String path) {
        return send(new Call("GET", path, JSON, null, TIMEOUT));
    }

    /** Returns the view at a path such as {@code /v1/ports} as a table for people. */
    public String table(final String path) {
        return send(new Call("GET", path, TEXT, null, TIMEOUT));
    }

    /**
     * Sends a change.
     *
     * @param body a JSON object, or text in the syntax of the command line; null for none
     * @return a sentence for people, or an empty string
     */
    public String change(final String method, final String path, final @Nullable String body) {
        return send(new Call(method, path, TEXT, body, TIMEOUT));
    }

    /**
     * Reads an answer line by line as it arrives.
     *
     * @param accept the media type of the answer
     * @param reader takes a line, and returns whether to continue
     * @return whether the reader has ended the answer; otherwise, the switch has
     */
    public boolean lines(final String path, final String accept, final Predicate<String> reader) {
        final boolean[] ended = new boolean[1];
        send(new Call("GET", path, accept, null, TIMEOUT), in -> ended[0] = lines(in, reader));
        return ended[0];
    }

    private static boolean lines(final InputStream in, final Predicate<String> reader) {
        final BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        try {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!reader.test(line)) {
                    return true;
                }
            }
        } catch (IOException _) {
            // The switch has ended.
        }
        return false;
    }

    /** Returns a segment of a path, or a value of a query, in the syntax of a URL. */
    public static String encoded(final String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /**
     * Starts another process and hands it every port.
     *
     * @param program the path of the program to start; null for the program that started the switch
     * @param limit the time that the new process may take to start and to become ready
     */
    public UpgradeView upgrade(final @Nullable String program, final Duration limit) {
        final String body = "timeout=" + limit.toSeconds()
            + (program == null ? "" : ",program=" + program.replace(",", ",,"));
        return Json.read(send(new Call("POST", "/v1/upgrade", JSON, body, limit.plus(HAND_OVER))), UpgradeView.class);
    }

    /** One request; {@code body} is null for none. */
    private record Call(String method, String path, String accept, @Nullable String body, Duration limit) {
    }

    /** Reads a stream. */
    @FunctionalInterface
    public interface StreamReader {
        void read(InputStream in);
    }

    /**
     * Sends a request whose answer is a stream, and passes the stream to a reader. The switch has to begin its answer
     * in time; the stream may take any time.
     */
    public void stream(final String path, final String body, final StreamReader reader) {
        send(new Call("POST", path, TEXT, body, TIMEOUT), reader);
    }

    private String send(final Call call) {
        return send(call, null);
    }

    /**
     * Sends a request.
     *
     * @param reader reads the answer if it is a stream, and not a refusal; null for an answer that is text
     * @return the answer if it is text
     */
    private String send(final Call call, final @Nullable StreamReader reader) {
        try (SocketChannel channel = ApiSocket.connect(socket)) {
            final Thread watch = closeAfter(call.limit(), channel);
            try {
                write(call, Channels.newOutputStream(channel));
                return read(call, Channels.newInputStream(channel), watch, reader);
            } finally {
                watch.interrupt();
            }
        } catch (ClosedChannelException _) {
            throw new ApiException(TIMED_OUT, "the switch at " + socket + " did not answer within "
                + call.limit().toSeconds() + " s");
        } catch (final IOException | HttpException e) {
            throw new ApiException(BAD_GATEWAY, "no switch answers at " + socket + ": " + e.getMessage()
                + (ApiSocket.isVacant(socket) ? "; \"ringbridge run --api " + socket + "\" starts one there" : ""));
        }
    }

    /** Closes the channel if no answer arrives in time: a blocking channel has no timeout of its own. */
    private static Thread closeAfter(final Duration limit, final SocketChannel channel) {
        return Thread.ofPlatform().daemon().name("api-watch").start(() -> {
            try {
                Thread.sleep(limit);
                channel.close();
            } catch (InterruptedException | IOException _) {
                // The answer has arrived, or the channel is closed.
            }
        });
    }

    private static void write(final Call call, final OutputStream out) throws IOException, HttpException {
        final BasicClassicHttpRequest request = new BasicClassicHttpRequest(call.method(), call.path());
        request.addHeader("Host", "localhost");
        request.addHeader("Accept", call.accept());
        request.addHeader("Connection", "close");
        final byte[] body = call.body() == null ? new byte[0] : call.body().getBytes(StandardCharsets.UTF_8);
        if (call.body() != null) {
            request.addHeader("Content-Type", "text/plain;charset=utf-8");
            request.addHeader("Content-Length", body.length);
        }
        final SessionOutputBufferImpl buffer = new SessionOutputBufferImpl(BUFFER);
        new DefaultHttpRequestWriter().write(request, buffer, out);
        try {
            buffer.write(body, out);
            buffer.flush(out);
        } catch (ClosedChannelException e) {
            throw e;
        } catch (IOException _) {
            // The switch has refused the body before its end: the answer has the reason.
        }
    }

    private static String read(final Call call, final InputStream in, final Thread watch,
        final @Nullable StreamReader reader) throws IOException, HttpException {
        final SessionInputBuffer buffer = new SessionInputBufferImpl(BUFFER);
        final ClassicHttpResponse response = new DefaultHttpResponseParser().parse(buffer, in);
        if (response == null) {
            throw new IOException("the process there closed the connection without an answer");
        }
        final boolean done = response.getCode() / HUNDRED == SUCCESS;
        if (done && reader != null) {
            watch.interrupt();
            reader.read(content(response, buffer, in));
            return "";
        }
        final String body = new String(content(response, buffer, in).readAllBytes(), StandardCharsets.UTF_8)
            .stripTrailing();
        if (done) {
            return body;
        }
        throw new ApiException(response.getCode(), TEXT.equals(call.accept()) ? body
            : Json.read(body, Problem.class).detail());
    }

    private static InputStream content(final ClassicHttpResponse response, final SessionInputBuffer buffer,
        final InputStream in)
        throws HttpException {
        final long length = DefaultContentLengthStrategy.INSTANCE.determineLength(response);
        if (length == ContentLengthStrategy.CHUNKED) {
            return new ChunkedInputStream(buffer, in);
        }
        return length >= 0 ? new ContentLengthInputStream(buffer, in, length) : new IdentityInputStream(buffer, in);
    }

    /** Does nothing: no connection outlives its request. */
    @Override
    public void close() {
        // Nothing is open between requests.
    }
}
