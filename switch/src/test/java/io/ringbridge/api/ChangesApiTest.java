package io.ringbridge.api;

import org.junit.jupiter.api.Test;

import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** The operations of the API that change a switch which runs. */
class ChangesApiTest extends ApiFixture {
    @Test
    void aChangeIsAnsweredInTextWithItsTime() {
        assertEquals("mtu: 1500 -> 9000, now", client.change("PATCH", "/v1/ports/a", "{\"mtu\": 9000}"));
        assertEquals("poll: busy -> adaptive, now", client.change("PATCH", "/v1/config", "{\"poll\": \"adaptive\"}"));
        assertEquals(List.of("change a {\"mtu\": 9000}", "configure {\"poll\": \"adaptive\"}"), fake.done);
    }

    @Test
    void aReloadHasItsOptionsInTheQuery() {
        assertEquals("port b: added\nunchanged: a\nmirror m1: added", client.change("POST", "/v1/config/reload", null));
        client.change("POST", "/v1/config/reload?dry-run=true&prune=false", null);
        client.change("POST", "/v1/config/reload?prune=true&recreate=true", null);
        assertEquals(List.of("reload false false false", "reload true false false", "reload false true true"),
            fake.done);
        for (final String wrong : List.of("dry-run=yes", "dryrun=true")) {
            assertEquals(400, assertThrows(ApiException.class,
                () -> client.change("POST", "/v1/config/reload?" + wrong, null)).status());
        }
        assertEquals(3, fake.done.size());
    }

    @Test
    void theConfigurationIsWrittenOnlyOnRequest() {
        final String view = client.get("/v1/config");
        assertEquals(view, client.get("/v1/config?persist=false"));
        assertEquals(List.of(), fake.done);
        assertEquals(view, client.get("/v1/config?persist=true"));
        assertEquals(List.of("persist"), fake.done);
    }
}
