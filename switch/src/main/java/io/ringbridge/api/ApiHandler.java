package io.ringbridge.api;

import io.ringbridge.config.ConfigException;
import io.ringbridge.config.Section;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import org.eclipse.jetty.util.Promise;
import org.eclipse.jetty.util.thread.Invocable.InvocationType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeoutException;

/**
 * Executes the requests of the API.
 *
 * <p>No thread waits for a request's body, so a client that never completes its request does not delay others.
 */
final class ApiHandler extends Handler.Abstract {
    private static final Logger LOG = LoggerFactory.getLogger(ApiHandler.class);
    private static final int MAX_BODY = 1 << 20;

    private final Router router;
    private final ApiConnections connections;

    ApiHandler(final Router router, final ApiConnections connections) {
        this.router = router;
        this.connections = connections;
    }

    @Override
    public boolean handle(final Request request, final Response response, final Callback callback) {
        final Exchange exchange = new Exchange(request, response, callback, connections);
        try {
            final String path = Request.getPathInContext(request);
            final Router.Match match = router.find(request.getMethod(), path);
            final Route route = match.route();
            if (route == null) {
                exchange.refuse(notAllowed(request.getMethod(), path, match.allowed()));
                return true;
            }
            final Section query = query(request, route);
            if (route.body() == Route.Body.NONE) {
                act(exchange, route, new ApiRequest(match.variables(), query, request.getHeaders(), ""));
                return true;
            }
            checkLength(request, route);
            connections.receiving(exchange.connection(), request.getLength() < 0 ? MAX_BODY : request.getLength());
            Content.Source.asByteArrayAsync(readable(request), MAX_BODY, Promise.Invocable.from(InvocationType.BLOCKING,
                bytes -> act(exchange, route, new ApiRequest(match.variables(), query, request.getHeaders(),
                    new String(bytes, StandardCharsets.UTF_8).strip())),
                failure -> refuse(exchange, failure)));
        } catch (final ApiException e) {
            exchange.refuse(Answer.of(Problem.of(e)));
        } catch (final ConfigException e) {
            exchange.refuse(Answer.of(Problem.of(e)));
        }
        return true;
    }

    private static Answer notAllowed(final String method, final String path, final String allowed) {
        return Answer.of(Problem.of(HttpStatus.METHOD_NOT_ALLOWED_405, method + " is not allowed for " + path
            + "; allowed: " + allowed)).with(HttpHeader.ALLOW.asString(), allowed);
    }

    private static Section query(final Request request, final Route route) {
        final Map<String, String> parameters = new LinkedHashMap<>();
        for (final Fields.Field field : Request.extractQueryParameters(request)) {
            parameters.put(field.getName(), field.getValue());
        }
        return Section.ofParameters(route.method() + ' ' + route.path(), parameters, route.parameters());
    }

    private static void checkLength(final Request request, final Route route) {
        if (request.getLength() > MAX_BODY) {
            throw tooLarge();
        }
        if (route.body() == Route.Body.NEEDED && request.getLength() < 0
            && !request.getHeaders().contains(HttpHeader.TRANSFER_ENCODING)) {
            throw new ApiException(HttpStatus.LENGTH_REQUIRED_411,
                "the request needs a body, with Content-Length or Transfer-Encoding: chunked");
        }
    }

    private static ApiException tooLarge() {
        return new ApiException(HttpStatus.PAYLOAD_TOO_LARGE_413, "the body is longer than " + MAX_BODY + " bytes");
    }

    /** Returns a request whose body can still be read after a reader has refused it. */
    private static Request readable(final Request request) {
        return new Request.Wrapper(request) {
            @Override
            public void fail(final Throwable failure) {
                // The answer reports the failure.
            }
        };
    }

    private static void refuse(final Exchange exchange, final Throwable failure) {
        final ApiException refusal = refusal(failure);
        final Answer answer = Answer.of(Problem.of(refusal));
        if (refusal.status() == HttpStatus.PAYLOAD_TOO_LARGE_413) {
            exchange.refuse(answer);
        } else {
            exchange.send(answer);
        }
    }

    /** Returns the error to answer when a body could not be read. */
    private static ApiException refusal(final Throwable failure) {
        return switch (failure) {
            case TimeoutException _ -> new ApiException(HttpStatus.REQUEST_TIMEOUT_408,
                "the body did not arrive in time");
            case HttpException http -> new ApiException(http.getCode(), http.getReason());
            case IllegalStateException _ -> tooLarge();
            default -> new ApiException(HttpStatus.BAD_REQUEST_400, "the body cannot be read: " + failure.getMessage());
        };
    }

    private void act(final Exchange exchange, final Route route, final ApiRequest request) {
        connections.acting(exchange.connection());
        // Slow actions of the switch, such as an upgrade, have limits of their own.
        exchange.request().addIdleTimeoutListener(_ -> false);
        if (!route.streams()) {
            exchange.send(answer(exchange, route, request));
        } else if (connections.mayStream()) {
            exchange.then(connections::streamed).send(answer(exchange, route, request));
        } else {
            exchange.send(Answer.of(Problem.of(HttpStatus.SERVICE_UNAVAILABLE_503, ApiConnections.MAX_STREAMS
                + " streams are open, the maximum; close one first")));
        }
    }

    private static Answer answer(final Exchange exchange, final Route route, final ApiRequest request) {
        try {
            return exchange.formatted(route.action().run(request));
        } catch (final ApiException e) {
            return Answer.of(Problem.of(e));
        } catch (final ConfigException e) {
            return Answer.of(Problem.of(e));
        } catch (final RuntimeException e) {
            LOG.error("{} {} failed", route.method(), exchange.request().getHttpURI(), e);
            return Answer.of(Problem.of(HttpStatus.INTERNAL_SERVER_ERROR_500,
                "the switch failed to execute the request: " + e));
        }
    }
}
