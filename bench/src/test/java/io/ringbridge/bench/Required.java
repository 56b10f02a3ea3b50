package io.ringbridge.bench;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.peer.Program;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

/**
 * Checks a test's requirements. A test whose requirements are missing is skipped, or fails if the environment has
 * CI=true.
 */
public final class Required {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private Required() {
    }

    static void programs(final String... names) {
        final List<String> missing = Arrays.stream(names).filter(name -> Program.find(name).isEmpty()).toList();
        if (!missing.isEmpty()) {
            lack("not installed: " + String.join(", ", missing), null);
        }
    }

    /** Requires fonts. Java draws text with fontconfig's fonts. */
    public static void fonts() {
        programs("fc-list");
        if (Program.run(LIMIT, "fc-list").isBlank()) {
            lack("not installed: fonts", null);
        }
    }

    /** Requires a resource other than a program. */
    static <T> T resource(final String what, final Supplier<T> source) {
        try {
            return source.get();
        } catch (final BenchException e) {
            lack("no " + what + ": " + e.getMessage(), e);
            throw e;
        }
    }

    private static void lack(final String message, final BenchException cause) {
        if ("true".equals(System.getenv("CI"))) {
            fail(message, cause);
        }
        abort(message);
    }
}
