package io.ringbridge.api;

import io.ringbridge.config.ConfigException;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Promise;
import org.eclipse.jetty.util.thread.Invocable.InvocationType;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.TimeoutException;

/**
 * Executes the requests of the API.
 *
 * <p>No thread waits for a request's body, so a client that never completes its request does not delay others.
 */
final class ApiHandler extends Handler.Abstract {
    private static final Logger LOG = LoggerFactory.getLogger(ApiHandler.class);
    private static final int MAX_BODY = 4096;
    private static final String JSON = "application/json";
    private static final String TEXT = "text/plain";

    private final SwitchControl control;
    private final ApiResources resources;
    private final ApiConnections connections;

    ApiHandler(final SwitchControl control, final ApiConnections connections) {
        this.control = control;
        this.connections = connections;
        resources = new ApiResources(control);
    }

    /** A request and its response. */
    private record Exchange(Request request, Response response, Callback callback) {
        Connection connection() {
            return request.getConnectionMetaData().getConnection();
        }

        boolean isHead() {
            return HttpMethod.HEAD.is(request.getMethod());
        }

        /** Whether the client prefers text for people, a table or a sentence, to JSON. */
        boolean wantsText() {
            return request.getHeaders().getQualityCSV(HttpHeader.ACCEPT).stream()
                .filter(type -> type.equals(TEXT) || type.equals(JSON))
                .findFirst().filter(TEXT::equals).isPresent();
        }
    }

    @Override
    public boolean handle(final Request request, final Response response, final Callback callback) {
        final Exchange exchange = new Exchange(request, response, callback);
        try {
            final ApiResources.Action action = action(exchange);
            if (!action.takesBody()) {
                act(exchange, action, "");
                return true;
            }
            checkLength(request, action);
            Content.Source.asByteArrayAsync(request, MAX_BODY, Promise.Invocable.from(InvocationType.BLOCKING,
                bytes -> act(exchange, action, new String(bytes, StandardCharsets.UTF_8).strip()),
                failure -> refuse(exchange, refusal(failure))));
        } catch (final ApiException e) {
            refuse(exchange, e);
        }
        return true;
    }

    /** Returns the action that a request names, or throws if its path or its method is unknown. */
    private ApiResources.Action action(final Exchange exchange) {
        final String method = exchange.request().getMethod();
        final String path = Request.getPathInContext(exchange.request());
        final Map<String, ApiResources.Action> actions = resources.at(path);
        if (actions.isEmpty()) {
            throw new ApiException(HttpStatus.NOT_FOUND_404, method + ' ' + path + " is not known; supported: "
                + ApiResources.ALL);
        }
        final ApiResources.Action action = actions.get(exchange.isHead() ? HttpMethod.GET.asString() : method);
        if (action == null) {
            final String allowed = ApiResources.methods(actions);
            exchange.response().getHeaders().put(HttpHeader.ALLOW, allowed);
            throw new ApiException(HttpStatus.METHOD_NOT_ALLOWED_405, method + " is not allowed for " + path
                + "; allowed: " + allowed);
        }
        return action;
    }

    private static void checkLength(final Request request, final ApiResources.Action action) {
        if (request.getLength() > MAX_BODY) {
            throw tooLarge();
        }
        if (action.needsBody() && request.getLength() < 0
            && !request.getHeaders().contains(HttpHeader.TRANSFER_ENCODING)) {
            throw new ApiException(HttpStatus.LENGTH_REQUIRED_411,
                "the request needs a body, with Content-Length or Transfer-Encoding: chunked");
        }
    }

    private static ApiException tooLarge() {
        return new ApiException(HttpStatus.PAYLOAD_TOO_LARGE_413, "the body is longer than " + MAX_BODY + " bytes");
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

    private void act(final Exchange exchange, final ApiResources.Action action, final String body) {
        final Request request = exchange.request();
        connections.acting(exchange.connection());
        // Slow actions of the switch, such as an upgrade, have limits of their own.
        request.addIdleTimeoutListener(_ -> false);
        try {
            final ApiResources.Answer answer = action.run(request, body);
            send(exchange, HttpStatus.OK_200,
                exchange.wantsText() ? answer.text().get() : Json.write(answer.json()) + '\n',
                answer.json() instanceof UpgradeView);
        } catch (final SwitchLostException e) {
            send(exchange, e.status(), error(exchange, e.getMessage()), true);
        } catch (final ApiException e) {
            refuse(exchange, e);
        } catch (final ConfigException e) {
            refuse(exchange, new ApiException(e.isConflict() ? HttpStatus.CONFLICT_409 : HttpStatus.BAD_REQUEST_400,
                e.getMessage()));
        } catch (final RuntimeException e) {
            LOG.error("{} {} failed", request.getMethod(), request.getHttpURI(), e);
            refuse(exchange, new ApiException(HttpStatus.INTERNAL_SERVER_ERROR_500,
                "the switch failed to execute the request: " + e));
        }
    }

    private void refuse(final Exchange exchange, final ApiException why) {
        send(exchange, why.status(), error(exchange, why.getMessage()), false);
    }

    private static String error(final Exchange exchange, final @Nullable String message) {
        return exchange.wantsText() ? message + '\n' : Json.write(Map.of("error", String.valueOf(message))) + '\n';
    }

    /**
     * Sends an answer.
     *
     * @param last whether the switch ends once the answer is sent
     */
    private void send(final Exchange exchange, final int status, final String text, final boolean last) {
        final byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        final Response response = exchange.response();
        response.setStatus(status);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, exchange.wantsText() ? TEXT + ";charset=utf-8" : JSON);
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, bytes.length);
        connections.answering(exchange.connection(), bytes.length);
        final Callback sent = Callback.from(exchange.callback(), () -> connections.answered(exchange.connection()));
        response.write(true, exchange.isHead() ? BufferUtil.EMPTY_BUFFER : ByteBuffer.wrap(bytes),
            last ? Callback.from(sent, control::upgraded) : sent);
    }
}
