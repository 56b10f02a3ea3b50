package io.ringbridge.api;

import io.ringbridge.config.Http;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.Optional;
import java.util.Set;

/**
 * Decides which requests over TCP may pass.
 *
 * <p>A request with the token may do everything. It has the token as {@code Bearer} or as the password of {@code Basic}
 * authentication, which browsers offer. Without the token, nothing can be changed. On a loopback address everything but
 * the guests' traffic can be read; on other addresses, only the health.
 *
 * <p>A page of another site must not use the browser of someone who may connect. So a request has to come from a page
 * of this server, or from none. Without a token it also has to name the server by an address, because a site can make
 * its own name stand for a loopback address.
 */
final class TokenGate extends Handler.Wrapper {
    private static final Set<String> HEALTH = Set.of(MonitoringResource.HEALTH, MonitoringResource.READY);
    private static final String BEARER = "Bearer ";
    private static final String BASIC = "Basic ";

    private final Http http;
    private final ApiConnections connections;

    TokenGate(final Http http, final ApiConnections connections, final Handler protects) {
        super(protects);
        this.http = http;
        this.connections = connections;
    }

    @Override
    public boolean handle(final Request request, final Response response, final Callback callback) throws Exception {
        final Answer refusal = refusal(request);
        if (refusal == null) {
            return super.handle(request, response, callback);
        }
        new Exchange(request, response, callback, connections).send(refusal);
        return true;
    }

    private @Nullable Answer refusal(final Request request) {
        final String origin = request.getHeaders().get(HttpHeader.ORIGIN);
        final String host = request.getHeaders().get(HttpHeader.HOST);
        if (origin != null && !origin.equals("http://" + host) && !origin.equals("https://" + host)) {
            return refused(HttpStatus.FORBIDDEN_403, "the request comes from a page of " + origin);
        }
        final String given = token(request);
        if (given != null && http.token().isPresent()) {
            return matches(given, http.token().get()) ? null : needsToken("this is not the token");
        }
        final boolean reads = HttpMethod.GET.is(request.getMethod()) || HttpMethod.HEAD.is(request.getMethod());
        final String path = Request.getPathInContext(request);
        if (reads && HEALTH.contains(path)) {
            return null;
        }
        if (!http.isLoopback()) {
            return needsToken("the request needs the token");
        }
        if (!isAddress(Request.getServerName(request))) {
            return refused(HttpStatus.FORBIDDEN_403, "the host has to be an address or localhost, but is " + host);
        }
        if (reads && !showsTraffic(path)) {
            return null;
        }
        return http.token().isPresent() ? needsToken("the request needs the token")
            : refused(HttpStatus.FORBIDDEN_403, "nothing can be changed over TCP, nor traffic seen, because no "
                + "http.token is configured; use the Unix socket");
    }

    private static boolean showsTraffic(final String path) {
        return path.startsWith("/v1/captures") || path.endsWith("/trace");
    }

    private static Answer refused(final int status, final String why) {
        return Answer.of(Problem.of(status, why));
    }

    private static Answer needsToken(final String why) {
        return refused(HttpStatus.UNAUTHORIZED_401, why)
            .with(HttpHeader.WWW_AUTHENTICATE.asString(), "Basic realm=\"ringbridge\", charset=\"UTF-8\"");
    }

    /** Returns the token that a request presents, or null if there is none. */
    private static @Nullable String token(final Request request) {
        final String given = request.getHeaders().get(HttpHeader.AUTHORIZATION);
        if (given == null) {
            return null;
        }
        return given.startsWith(BEARER) ? given.substring(BEARER.length())
            : given.startsWith(BASIC) ? password(given.substring(BASIC.length())).orElse("") : "";
    }

    private static Optional<String> password(final String encoded) {
        try {
            final String pair = new String(Base64.getDecoder().decode(encoded), StandardCharsets.UTF_8);
            return Optional.of(pair.substring(pair.indexOf(':') + 1));
        } catch (IllegalArgumentException _) {
            return Optional.empty();
        }
    }

    /** Compares in a time that does not depend on the number of characters that match. */
    private static boolean matches(final String given, final String token) {
        return MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8), token.getBytes(StandardCharsets.UTF_8));
    }

    private static boolean isAddress(final @Nullable String host) {
        if (host == null || host.equals("localhost")) {
            return true;
        }
        try {
            InetAddress.ofLiteral(host.replaceAll("[\\[\\]]", "")); // an IPv6 address is in brackets
            return true;
        } catch (IllegalArgumentException _) {
            return false;
        }
    }
}
