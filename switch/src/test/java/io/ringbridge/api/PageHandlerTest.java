package io.ringbridge.api;

import io.ringbridge.config.Http;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that the page is served with all files that it needs, and is protected like the API. */
@Timeout(60)
class PageHandlerTest {
    private static final Pattern LINK = Pattern.compile("(?:href|src)=\"([^#\"]+)\"|from \"\\./([^\"]+)\"");
    private static final String TOKEN = "0123456789abcdef";

    private final HttpClient client = HttpClient.newHttpClient();
    private Http http;
    private HttpServer server;

    @BeforeEach
    void start() throws IOException {
        try (ServerSocket any = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            http = new Http(InetAddress.ofLiteral("127.0.0.1"), any.getLocalPort(), Optional.empty());
        }
        server = HttpServer.start(http, new FakeSwitch());
    }

    @AfterEach
    void end() {
        client.close();
        server.close();
        client.close();
    }

    private HttpResponse<String> send(final String method, final String path) throws Exception {
        return client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + http.port() + path))
            .method(method, HttpRequest.BodyPublishers.noBody()).build(), HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void everyFileThatThePageNeedsIsServed() throws Exception {
        final List<String> paths = new ArrayList<>(List.of("/"));
        for (int i = 0; i < paths.size(); i++) {
            final HttpResponse<String> answer = send("GET", paths.get(i));
            assertEquals(200, answer.statusCode(), paths.get(i));
            if (paths.get(i).startsWith("/uplot/")) {
                continue;
            }
            final Matcher links = LINK.matcher(answer.body());
            while (links.find()) {
                final String link = '/' + (links.group(1) == null ? links.group(2) : links.group(1));
                if (!paths.contains(link)) {
                    paths.add(link);
                }
            }
        }
        assertTrue(paths.containsAll(List.of("/page.js", "/page.css", "/picture.js", "/uplot/uPlot.iife.min.js")),
            paths.toString());
        try (Stream<Path> files = Files.list(Path.of(PageHandler.class.getResource("/io/ringbridge/page").toURI()))) {
            assertEquals(List.of(), files.map(file -> "/" + file.getFileName())
                .filter(file -> !paths.contains(file) && !file.equals("/index.html")).toList(), "unused files");
        }
    }

    @Test
    void scriptsComeFromThisServerOnly() throws Exception {
        final HttpResponse<String> page = send("GET", "/");
        final String policy = page.headers().firstValue("Content-Security-Policy").orElseThrow();
        assertTrue(policy.startsWith("default-src 'none'; script-src 'self'; "), policy);
        assertFalse(policy.contains("unsafe"), policy);
        assertEquals("text/html;charset=utf-8", page.headers().firstValue("Content-Type").orElseThrow());
        assertEquals("text/javascript;charset=utf-8",
            send("GET", "/page.js").headers().firstValue("Content-Type").orElseThrow());
        assertFalse(Pattern.compile("<script(?![^>]* src=)|<style| on[a-z]+=| style=").matcher(page.body()).find());
    }

    @Test
    void otherRequestsAreThoseOfTheApi() throws Exception {
        assertEquals("", send("HEAD", "/").body());
        assertTrue(send("GET", "/v1/ports").body().startsWith("[{\"name\":\"a\""));
        assertEquals(404, send("GET", "/page/../page.txt").statusCode());
        assertEquals(403, send("POST", "/").statusCode(), "nothing can be changed without a token");
    }

    @Test
    void thePageNeedsTheTokenWhereTheApiDoes() throws Exception {
        final Http elsewhere = new Http(InetAddress.ofLiteral("0.0.0.0"), http.port(), Optional.of(TOKEN));
        server.close();
        server = HttpServer.start(elsewhere, new FakeSwitch());
        final HttpResponse<String> refused = send("GET", "/");
        assertEquals(401, refused.statusCode());
        assertTrue(refused.headers().firstValue("WWW-Authenticate").orElseThrow().startsWith("Basic "));
    }
}
