package io.ringbridge.api;

import io.ringbridge.config.ConfigException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Carries out the requests. */
final class ApiHandler extends Handler.Abstract {
    private static final Logger LOG = LoggerFactory.getLogger(ApiHandler.class);
    private static final String PORT = "/ports/";
    private static final String STATION = "/fdb/";
    private static final int MAX_BODY = 4096;

    private final SwitchControl control;

    ApiHandler(final SwitchControl control) {
        this.control = control;
    }

    @Override
    public boolean handle(final Request request, final Response response, final Callback callback) throws Exception {
        int status = HttpStatus.OK_200;
        Object answer;
        Callback told = callback;
        try {
            answer = answer(request.getMethod(), Request.getPathInContext(request), request);
            if (answer instanceof UpgradeView) {
                told = Callback.from(callback, control::upgraded);
            }
        } catch (final ApiException e) {
            if (e instanceof LastException) {
                told = Callback.from(callback, control::upgraded);
            }
            status = e.status();
            answer = Map.of("error", e.getMessage());
        } catch (final ConfigException e) {
            status = HttpStatus.BAD_REQUEST_400;
            answer = Map.of("error", e.getMessage());
        } catch (final RuntimeException e) {
            LOG.error("{} {} failed", request.getMethod(), request.getHttpURI(), e);
            status = HttpStatus.INTERNAL_SERVER_ERROR_500;
            answer = Map.of("error", "the switch could not do this: " + e);
        }
        response.setStatus(status);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        Content.Sink.write(response, true, Json.write(answer) + '\n', told);
        return true;
    }

    private Object answer(final String method, final String path, final Request request) throws Exception {
        return switch (method + ' ' + path) {
            case "GET /ports" -> control.ports();
            case "GET /queues" -> control.queues();
            case "GET /fdb" -> control.fdb().stations();
            case "GET /workers" -> control.workers();
            case "GET /config" -> control.config();
            case "POST /ports" -> {
                control.addPort(body(request));
                yield Map.of();
            }
            case "POST /fdb" -> {
                control.fdb().add(body(request));
                yield Map.of();
            }
            case "DELETE /fdb" -> {
                final Fields asked = Request.extractQueryParameters(request);
                yield Map.of("flushed", control.fdb().flush(asked.getValue("port"), "true".equals(asked.getValue("static"))));
            }
            case "POST /upgrade" -> {
                final String program = body(request);
                yield control.upgrade(program.isEmpty() ? null : program);
            }
            default -> {
                change(method, path);
                yield Map.of();
            }
        };
    }

    /** What is done to one port, or one station. */
    private void change(final String method, final String path) {
        if ("DELETE".equals(method) && path.startsWith(STATION)) {
            control.fdb().remove(path.substring(STATION.length()));
            return;
        }
        if (!path.startsWith(PORT)) {
            throw unknown(method, path);
        }
        final String[] parts = path.substring(PORT.length()).split("/", 2);
        switch (parts.length == 1 ? method : method + " " + parts[1]) {
            case "DELETE" -> control.removePort(parts[0]);
            case "POST suspend" -> control.suspendPort(parts[0]);
            case "POST resume" -> control.resumePort(parts[0]);
            default -> throw unknown(method, path);
        }
    }

    private static ApiException unknown(final String method, final String path) {
        return new ApiException(HttpStatus.NOT_FOUND_404, method + ' ' + path + " is not known; allowed: GET /ports /queues /fdb "
            + "/workers /config, POST /ports /fdb /upgrade, "
            + "DELETE /ports/NAME /fdb /fdb/STATION, POST /ports/NAME/suspend, POST /ports/NAME/resume");
    }

    private static String body(final Request request) throws Exception {
        if (request.getLength() < 0 || request.getLength() > MAX_BODY) {
            throw new ApiException(HttpStatus.PAYLOAD_TOO_LARGE_413, "Content-Length " + request.getLength() + " is not 0 to " + MAX_BODY);
        }
        return Content.Source.asString(request, StandardCharsets.UTF_8).strip();
    }
}
