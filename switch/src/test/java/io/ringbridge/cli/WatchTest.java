package io.ringbridge.cli;

import io.ringbridge.api.ApiException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

@Timeout(30)
class WatchTest {
    private static String watch(final boolean redraw) {
        final Iterator<String> texts = List.of("a\nb", "c").iterator();
        final StringWriter out = new StringWriter();
        assertThrows(ApiException.class, () -> Watch.run(() -> {
            if (!texts.hasNext()) {
                throw new ApiException(502, "gone");
            }
            return texts.next();
        }, Duration.ofMillis(1), redraw, new PrintWriter(out)));
        return out.toString();
    }

    @Test
    void aTerminalIsRedrawn() {
        assertEquals("\033[2J\033[Ha\033[K\nb\033[K\n\033[J\033[Hc\033[K\n\033[J", watch(true));
    }

    @Test
    void elsewhereTheTextsFollowEachOther() {
        assertEquals("a\nb\n\nc\n\n", watch(false));
    }

    @Test
    void theEndOfTheReaderEndsTheWatch() {
        final PrintWriter closed = new PrintWriter(Writer.nullWriter());
        closed.close();
        Watch.run(() -> "a", Duration.ofMinutes(1), false, closed);
    }
}
