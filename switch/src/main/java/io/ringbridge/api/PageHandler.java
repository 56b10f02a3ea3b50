package io.ringbridge.api;

import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.PreEncodedHttpField;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Serves the files of the page, which shows the switch in a browser, and passes all other requests on. The page reads
 * the API; it needs nothing from other servers. Any thread may call.
 */
final class PageHandler extends Handler.Wrapper {
    private static final String OWN = "/io/ringbridge/page/";
    private static final String CHARTS = "/META-INF/resources/webjars/uplot/1.6.30/dist/";
    private static final String INDEX = "/index.html";
    /** The files by their paths, as names of resources. */
    private static final Map<String, String> FILES = Map.ofEntries(
        own("index.html"), own("icon.svg"), own("page.css"), own("page.js"), own("charts.js"), own("client.js"),
        own("events.js"), own("extras.js"), own("format.js"), own("picture.js"), own("rates.js"), own("tables.js"),
        Map.entry("/uplot/uPlot.iife.min.js", CHARTS + "uPlot.iife.min.js"),
        Map.entry("/uplot/uPlot.min.css", CHARTS + "uPlot.min.css"));
    private static final Map<String, String> TYPES = Map.of("html", "text/html;charset=utf-8",
        "js", "text/javascript;charset=utf-8", "css", "text/css;charset=utf-8", "svg", "image/svg+xml");
    /** Neither scripts nor styles in the page itself, and nothing from elsewhere. */
    private static final List<HttpField> HEADERS = List.of(
        new PreEncodedHttpField("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "
            + "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
        new PreEncodedHttpField("X-Content-Type-Options", "nosniff"),
        new PreEncodedHttpField("Referrer-Policy", "no-referrer"),
        new PreEncodedHttpField(HttpHeader.CACHE_CONTROL, "no-cache"));

    private final Map<String, byte[]> read = new ConcurrentHashMap<>();

    PageHandler(final Handler next) {
        super(next);
    }

    private static Map.Entry<String, String> own(final String file) {
        return Map.entry('/' + file, OWN + file);
    }

    @Override
    public boolean handle(final Request request, final Response response, final Callback callback) throws Exception {
        final String path = Request.getPathInContext(request);
        final @Nullable String resource = FILES.get("/".equals(path) ? INDEX : path);
        final boolean head = HttpMethod.HEAD.is(request.getMethod());
        if (resource == null || !head && !HttpMethod.GET.is(request.getMethod())) {
            return super.handle(request, response, callback);
        }
        final byte[] content = read.computeIfAbsent(resource, PageHandler::read);
        HEADERS.forEach(response.getHeaders()::put);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, type(resource));
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, content.length);
        response.write(true, head ? BufferUtil.EMPTY_BUFFER : ByteBuffer.wrap(content), callback);
        return true;
    }

    private static String type(final String resource) {
        final String type = TYPES.get(resource.substring(resource.lastIndexOf('.') + 1));
        assert type != null : "every file has a known type";
        return type;
    }

    private static byte[] read(final String resource) {
        try (InputStream in = PageHandler.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException(resource + " is not in the jar");
            }
            return in.readAllBytes();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
