package io.ringbridge.api;

import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.Fields;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The paths of the API and the action of each method there. */
final class ApiResources {
    /** All methods and paths, for an error message. */
    static final String ALL = "GET /ports /queues /fdb /workers /config, POST /ports /fdb /upgrade, "
        + "DELETE /ports/NAME /fdb /fdb/STATION, POST /ports/NAME/suspend, POST /ports/NAME/resume";
    private static final String GET = "GET";
    private static final String HEAD = "HEAD";
    private static final String POST = "POST";
    private static final String DELETE = "DELETE";
    private static final String PORT = "/ports/";
    private static final String STATION = "/fdb/";
    private static final int BAD_REQUEST = 400;
    private static final int MAX_UPGRADE_SECONDS = 3600;
    private static final Answer DONE = new Answer(Map.of(), () -> "");

    private final SwitchControl control;

    ApiResources(final SwitchControl control) {
        this.control = control;
    }

    /** The result of a request: JSON for programs, text for people. */
    record Answer(Object json, Supplier<String> text) {
        static <T> Answer of(final T view, final Function<T, String> text) {
            return new Answer(view, () -> text.apply(view));
        }
    }

    /** The action of a method at a path. */
    record Action(Body body, Work work) {
        boolean takesBody() {
            return body != Body.NONE;
        }

        boolean needsBody() {
            return body == Body.NEEDED;
        }

        Answer run(final Request request, final String text) {
            return work.run(request, text);
        }
    }

    private enum Body { NONE, OPTIONAL, NEEDED }

    private interface Work {
        Answer run(Request request, String body);
    }

    /** Returns the actions of a path by method; the map is empty if the path is unknown. */
    Map<String, Action> at(final String path) {
        return switch (path) {
            case "/ports" -> Map.of(GET, show(control::ports, Tables::ports), POST, change(control::addPort));
            case "/queues" -> Map.of(GET, show(control::queues, Tables::queues));
            case "/fdb" -> Map.of(GET, show(() -> control.fdb().stations(), Tables::stations),
                POST, change(spec -> control.fdb().add(spec)),
                DELETE, new Action(Body.NONE, (request, _) -> flush(request)));
            case "/workers" -> Map.of(GET, show(control::workers, Tables::workers));
            case "/config" -> Map.of(GET, show(control::config, Tables::config));
            case "/upgrade" -> Map.of(POST, new Action(Body.OPTIONAL, this::upgrade));
            default -> path.startsWith(PORT) ? port(path.substring(PORT.length()))
                : path.startsWith(STATION) && path.length() > STATION.length()
                    ? Map.of(DELETE, act(() -> control.fdb().remove(path.substring(STATION.length())))) : Map.of();
        };
    }

    private Map<String, Action> port(final String rest) {
        final String[] parts = rest.split("/", 2);
        if (parts[0].isEmpty()) {
            return Map.of();
        }
        return switch (parts.length == 1 ? "" : parts[1]) {
            case "" -> parts.length == 1 ? Map.of(DELETE, act(() -> control.removePort(parts[0]))) : Map.of();
            case "suspend" -> Map.of(POST, act(() -> control.suspendPort(parts[0])));
            case "resume" -> Map.of(POST, act(() -> control.resumePort(parts[0])));
            default -> Map.of();
        };
    }

    /** Returns the methods of these actions in the syntax of the header {@code Allow}. */
    static String methods(final Map<String, Action> actions) {
        return Stream.of(GET, HEAD, POST, DELETE)
            .filter(method -> actions.containsKey(method.equals(HEAD) ? GET : method))
            .collect(Collectors.joining(", "));
    }

    private static <T> Action show(final Supplier<T> view, final Function<T, String> text) {
        return new Action(Body.NONE, (_, _) -> Answer.of(view.get(), text));
    }

    private static Action act(final Runnable action) {
        return new Action(Body.NONE, (_, _) -> {
            action.run();
            return DONE;
        });
    }

    private static Action change(final java.util.function.Consumer<String> change) {
        return new Action(Body.NEEDED, (_, body) -> {
            change.accept(body);
            return DONE;
        });
    }

    private Answer flush(final Request request) {
        final Fields query = query(request, List.of("port", "static"));
        final String statics = query.getValue("static");
        if (statics != null && !statics.matches("true|false")) {
            throw new ApiException(BAD_REQUEST, "static=" + statics + " is neither true nor false");
        }
        final int flushed = control.fdb().flush(query.getValue("port"), Boolean.parseBoolean(statics));
        return new Answer(Map.of("flushed", flushed), () -> flushed + (flushed == 1 ? " station" : " stations")
            + " removed");
    }

    private Answer upgrade(final Request request, final String program) {
        final String seconds = query(request, List.of("timeout")).getValue("timeout");
        final Duration limit = seconds == null ? SwitchControl.UPGRADE_LIMIT : Duration.ofSeconds(seconds(seconds));
        return new Answer(control.upgrade(program.isEmpty() ? null : program, limit), () -> "");
    }

    private static long seconds(final String text) {
        if (!text.matches("\\d{1,9}") || Long.parseLong(text) < 1 || Long.parseLong(text) > MAX_UPGRADE_SECONDS) {
            throw new ApiException(BAD_REQUEST, "timeout=" + text + " is not a whole number of seconds from 1 to "
                + MAX_UPGRADE_SECONDS);
        }
        return Long.parseLong(text);
    }

    private static Fields query(final Request request, final List<String> allowed) {
        final Fields query = Request.extractQueryParameters(request);
        query.getNames().stream().filter(name -> !allowed.contains(name)).findFirst().ifPresent(name -> {
            throw new ApiException(BAD_REQUEST, name + " is not a parameter of this request; allowed: "
                + String.join(", ", allowed));
        });
        return query;
    }
}
