package io.ringbridge.config;

import org.jspecify.annotations.Nullable;

import java.net.InetAddress;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The address at which the switch serves HTTP over TCP.
 *
 * @param address the address to listen on
 * @param port 1 to 65535
 * @param token the token that permits everything; without one, nothing can be changed over TCP
 */
public record Http(InetAddress address, int port, Optional<String> token) {
    static final String NEEDED = "[ADDRESS:]PORT with a port from 1 to 65535, such as 9179, 127.0.0.1:9179 or "
        + "[::1]:9179";
    private static final Pattern PLACE =
        Pattern.compile("(?:(?:\\[([0-9A-Fa-f:.]+)]|([0-9.]+|localhost)):)?(\\d{1,5})");
    private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9._~+/=-]{16,256}");
    private static final int MAX_PORT = 65535;

    /** Whether only processes on this host can connect. */
    public boolean isLoopback() {
        return address.isLoopbackAddress();
    }

    /** Returns the address and the port, for messages. */
    public String place() {
        final String host = address.getHostAddress();
        return (host.contains(":") ? '[' + host + ']' : host) + ':' + port;
    }

    /** Hides the token. */
    @Override
    public String toString() {
        return place();
    }

    /** Reads the section {@code http}; empty if the switch does not listen. */
    static Optional<Http> read(final Section section) {
        final Optional<String> token = section.text("token", "a token").map(text -> token(section, text));
        final Optional<Http> http = section.value("listen").map(node -> {
            final String text = node instanceof final Node.Scalar scalar ? scalar.text() : "";
            return parse(text, token).orElseThrow(() -> section.error("listen", node.what() + " is not " + NEEDED));
        });
        if (http.isEmpty() && token.isPresent()) {
            throw section.error("token", "of no use without http.listen");
        }
        http.filter(each -> !each.isLoopback() && token.isEmpty()).ifPresent(each -> {
            throw section.error("listen", each.place() + " can be reached from other hosts, and without a token anyone "
                + "there could read the switch's state; set http.token, or listen on 127.0.0.1:" + each.port());
        });
        return http;
    }

    private static String token(final Section section, final String text) {
        if (!TOKEN.matcher(text).matches()) {
            throw section.error("token", "a value of " + text.length()
                + " characters; allowed are 16 to 256 letters, digits and -._~+/=");
        }
        return text;
    }

    private static Optional<Http> parse(final String text, final Optional<String> token) {
        final Matcher place = PLACE.matcher(text);
        if (!place.matches()) {
            return Optional.empty();
        }
        final int port = Integer.parseInt(place.group(3));
        final String host = place.group(1) == null ? place.group(2) : place.group(1);
        if (port == 0 || port > MAX_PORT) {
            return Optional.empty();
        }
        return address(host).map(address -> new Http(address, port, token));
    }

    private static Optional<InetAddress> address(final @Nullable String host) {
        if (host == null || host.equals("localhost")) {
            return Optional.of(InetAddress.ofLiteral("127.0.0.1"));
        }
        try {
            return Optional.of(InetAddress.ofLiteral(host));
        } catch (IllegalArgumentException _) {
            return Optional.empty();
        }
    }
}
