package io.ringbridge.api;

import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;

/** Formats the errors that Jetty itself reports, such as a malformed request, like those of the API. */
final class ApiErrors extends ErrorHandler {
    @Override
    public boolean handle(final Request request, final Response response, final Callback callback) {
        final Object message = request.getAttribute(ERROR_MESSAGE);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, Problem.MEDIA_TYPE);
        Content.Sink.write(response, true, Json.write(Problem.of(response.getStatus(), String.valueOf(message)))
            + '\n', callback);
        return true;
    }
}
