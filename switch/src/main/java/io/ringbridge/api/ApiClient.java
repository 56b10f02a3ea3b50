package io.ringbridge.api;

import org.eclipse.jetty.client.CompletableResponseListener;
import org.eclipse.jetty.client.ContentResponse;
import org.eclipse.jetty.client.HttpClient;
import org.eclipse.jetty.client.Request;
import org.eclipse.jetty.client.StringRequestContent;
import org.eclipse.jetty.client.transport.HttpClientTransportOverHTTP;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.ClientConnector;
import org.eclipse.jetty.io.Transport;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Asks a switch that runs. */
public final class ApiClient implements AutoCloseable {
    private static final int TIMEOUT_SECONDS = 10;
    /** The switch gives up before. */
    private static final int UPGRADE_SECONDS = 280;
    private static final int MAX_ANSWER = 1 << 28;

    private final HttpClient client;
    private final Path socket;

    /** Connects at the first request. */
    public ApiClient(final Path socket) {
        this.socket = socket;
        final ClientConnector connector = new ClientConnector();
        connector.setSelectors(1);
        client = new HttpClient(new HttpClientTransportOverHTTP(connector));
        final QueuedThreadPool threads = new QueuedThreadPool(4, 1);
        threads.setDaemon(true);
        client.setExecutor(threads);
        client.setIdleTimeout(TimeUnit.SECONDS.toMillis(UPGRADE_SECONDS));
    }

    /** The JSON at a path such as {@code /ports}. */
    public String get(final String path) {
        return send(request(HttpMethod.GET, path));
    }

    /** Adds a port, given as on the command line. */
    public void addPort(final String spec) {
        send(request(HttpMethod.POST, "/ports").body(new StringRequestContent("text/plain", spec)));
    }

    /** Removes a port. */
    public void removePort(final String name) {
        send(request(HttpMethod.DELETE, port(name)));
    }

    /** Suspends a port. */
    public void suspendPort(final String name) {
        send(request(HttpMethod.POST, port(name) + "/suspend"));
    }

    /** Lets a suspended port go on. */
    public void resumePort(final String name) {
        send(request(HttpMethod.POST, port(name) + "/resume"));
    }

    /** Sets a station by hand, as {@link FdbControl#add} does. */
    public void addStation(final String spec) {
        send(request(HttpMethod.POST, "/fdb").body(new StringRequestContent("text/plain", spec)));
    }

    /** Forgets a station, as {@link FdbControl#remove} does. */
    public void removeStation(final String spec) {
        send(request(HttpMethod.DELETE, "/fdb/" + encoded(spec)));
    }

    /** Forgets the stations behind a port, or behind every port where it is null; how many. */
    public int flushStations(final String port, final boolean statics) {
        final Request request = request(HttpMethod.DELETE, "/fdb").param("static", Boolean.toString(statics));
        return Json.read(send(port == null ? request : request.param("port", port)), FlushView.class).flushed();
    }

    /**
     * Lets another process take over.
     *
     * @param program the path of the program to start; null for the one that the switch was started with
     */
    public UpgradeView upgrade(final String program) {
        return Json.read(send(request(HttpMethod.POST, "/upgrade").timeout(UPGRADE_SECONDS, TimeUnit.SECONDS)
            .body(new StringRequestContent("text/plain", program == null ? "" : program))), UpgradeView.class);
    }

    private static String port(final String name) {
        return "/ports/" + encoded(name);
    }

    private static String encoded(final String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private Request request(final HttpMethod method, final String path) {
        return client.newRequest("http://localhost" + path).method(method).transport(new Transport.TCPUnix(socket))
            .timeout(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    }

    private String send(final Request request) {
        try {
            client.start();
            final ContentResponse response = new CompletableResponseListener(request, MAX_ANSWER).send().get();
            final String body = response.getContentAsString().strip();
            if (response.getStatus() != HttpStatus.OK_200) {
                throw new ApiException(response.getStatus(), Json.read(body, ErrorView.class).error());
            }
            return body;
        } catch (final ExecutionException e) {
            if (e.getCause() instanceof TimeoutException) {
                throw new ApiException(HttpStatus.GATEWAY_TIMEOUT_504,
                    "the switch at " + socket + " has not answered for " + TIMEOUT_SECONDS + " s");
            }
            throw new ApiException(HttpStatus.BAD_GATEWAY_502, "no switch answers at " + socket + ": " + reason(e.getCause()));
        } catch (final ApiException e) {
            throw e;
        } catch (final Exception e) {
            throw new ApiException(HttpStatus.BAD_GATEWAY_502, "cannot ask the switch at " + socket + ": " + e);
        }
    }

    /** Why there is no connection. */
    private String reason(final Throwable failure) {
        return Files.exists(socket) ? failure.getMessage() : "no such socket";
    }

    private record ErrorView(String error) {
    }

    private record FlushView(int flushed) {
    }

    @Override
    public void close() {
        try {
            client.stop();
        } catch (Exception _) {
            // The answer is there, or the error is told.
        }
    }
}
