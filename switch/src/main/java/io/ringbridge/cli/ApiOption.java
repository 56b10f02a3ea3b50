package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.api.ApiException;
import io.ringbridge.api.ApiSocket;
import picocli.CommandLine.Option;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** Which switch is asked. */
final class ApiOption {
    private static final int NO_SWITCH = 502;

    @Option(names = "--api", paramLabel = "PATH", description = "The API socket of the switch; "
        + "/run/ringbridge/api.sock or $XDG_RUNTIME_DIR/ringbridge/api.sock if not given.")
    private Path api;

    /** A client of the switch that was named, or else of the first that is found. */
    ApiClient client() {
        if (api != null) {
            return new ApiClient(api);
        }
        final List<Path> places = ApiSocket.places(System.getenv());
        return places.stream().filter(ApiSocket::isLive).findFirst().map(ApiClient::new).orElseThrow(() -> new ApiException(NO_SWITCH,
            "no switch answers at " + places.stream().map(Path::toString).collect(Collectors.joining(" or "))
                + "; is one running, and as this user? --api PATH names another place"));
    }
}
