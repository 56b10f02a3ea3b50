package io.ringbridge.api;

import org.eclipse.jetty.http.HttpStatus;
import org.jspecify.annotations.Nullable;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Finds the operation that a request names. */
final class Router {
    private static final String GET = "GET";
    private static final String HEAD = "HEAD";
    private static final List<String> METHODS = List.of(GET, HEAD, "POST", "PUT", "PATCH", "DELETE");
    /** The segments before the name of a resource, in {@code /v1/ports}: an empty one and the version. */
    private static final int RESOURCE_SEGMENTS = 3;

    private final Map<String, Map<String, Route>> routes = new LinkedHashMap<>();

    Router(final List<Resource> resources) {
        resources.stream().flatMap(resource -> resource.routes().stream()).forEach(this::add);
    }

    private void add(final Route route) {
        if (routes.computeIfAbsent(route.path(), _ -> new LinkedHashMap<>()).put(route.method(), route) != null) {
            throw new IllegalArgumentException(route.method() + ' ' + route.path() + " has two actions");
        }
    }

    /**
     * An operation and the values of its path's variables.
     *
     * @param route null if the path is known, but not for this method
     * @param allowed the methods of the path, as the header {@code Allow} has them
     */
    record Match(@Nullable Route route, Map<String, String> variables, String allowed) {
    }

    /**
     * Finds an operation.
     *
     * @throws ApiException if the path is unknown
     */
    Match find(final String method, final String path) {
        final String[] segments = path.split("/", -1);
        for (final Map.Entry<String, Map<String, Route>> each : routes.entrySet()) {
            final Map<String, String> variables = match(each.getKey().split("/", -1), segments);
            if (variables != null) {
                final Map<String, Route> methods = each.getValue();
                return new Match(methods.get(HEAD.equals(method) ? GET : method), variables, allowed(methods));
            }
        }
        throw new ApiException(HttpStatus.NOT_FOUND_404, path + " is not a path of this API; there are: " + known());
    }

    /** Returns the variables of a template that a path matches, or null if it does not match. */
    private static @Nullable Map<String, String> match(final String[] template, final String[] path) {
        if (template.length != path.length) {
            return null;
        }
        final Map<String, String> variables = new LinkedHashMap<>();
        for (int i = 0; i < path.length; i++) {
            if (template[i].startsWith("{") && !path[i].isEmpty()) {
                variables.put(template[i].substring(1, template[i].length() - 1), path[i]);
            } else if (!template[i].equals(path[i])) {
                return null;
            }
        }
        return variables;
    }

    private static String allowed(final Map<String, Route> methods) {
        return METHODS.stream().filter(method -> methods.containsKey(method.equals(HEAD) ? GET : method))
            .collect(Collectors.joining(", "));
    }

    /** Returns the paths of the resources, without those below them. */
    private String known() {
        return routes.keySet().stream().map(path -> Stream.of(path.split("/", -1)).limit(RESOURCE_SEGMENTS)
            .collect(Collectors.joining("/"))).distinct().sorted().collect(Collectors.joining(", "));
    }

    /** Returns every operation. */
    List<Route> routes() {
        return routes.values().stream().flatMap(methods -> methods.values().stream()).toList();
    }
}
