package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.api.ApiException;
import io.ringbridge.api.ApiSocket;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** The option that selects the running switch by its API socket. */
final class ApiOption {
    private static final int NO_SWITCH = 502;
    private static final String NAME = "--api";
    private static final String VARIABLE = "RINGBRIDGE_API";
    private static final String LABEL = "PATH";
    // One line each, since a line break must not split a path.
    private static final String FIRST = "API socket of the switch. If not given:";
    private static final String ENVIRONMENT = "$RINGBRIDGE_API, or else";
    private static final String SYSTEM = "/run/ringbridge/api.sock, or else";
    private static final String SESSION = "$XDG_RUNTIME_DIR/ringbridge/api.sock.";

    @Option(names = NAME, paramLabel = LABEL, description = {FIRST, ENVIRONMENT, SYSTEM, SESSION})
    private @Nullable Path api;

    /** Creates the option for a command without annotations. */
    static OptionSpec spec() {
        return OptionSpec.builder(NAME).paramLabel(LABEL).type(Path.class)
            .description(FIRST, ENVIRONMENT, SYSTEM, SESSION).build();
    }

    /**
     * Returns a client of the selected switch, or else of the one that the environment names, or else of the first one
     * that listens at a default path.
     */
    ApiClient client() {
        return client(api);
    }

    static ApiClient client(final OptionSpec option) {
        return client(option.<Path>getValue());
    }

    private static ApiClient client(final @Nullable Path option) {
        final String variable = System.getenv(VARIABLE);
        if (option != null) {
            return new ApiClient(option);
        }
        if (variable != null && !variable.isEmpty()) {
            return new ApiClient(Path.of(variable));
        }
        final List<Path> places = ApiSocket.places(System.getenv());
        return places.stream().filter(ApiSocket::isLive).findFirst().map(ApiClient::new)
            .orElseThrow(() -> new ApiException(NO_SWITCH, "no switch answers at "
                + places.stream().map(place -> place + " (" + ApiSocket.why(place) + ")")
                    .collect(Collectors.joining(" or "))
                + "; start one with \"ringbridge run\", or name its socket with --api PATH or " + VARIABLE));
    }
}
