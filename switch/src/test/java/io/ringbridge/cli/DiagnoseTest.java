package io.ringbridge.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.ringbridge.app.Switch;
import io.ringbridge.config.ConfigReader;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Timeout(60)
class DiagnoseTest {
    @TempDir
    private Path dir;

    @Test
    void aPortIsDiagnosedAndShownAloneWhileAGuestComesUp() throws IOException {
        final String api = dir.resolve("api.sock").toString();
        final Path socket = dir.resolve("a.sock");
        try (Switch running = Switch.start(ConfigReader.parse("f", "state: none\nports: [{name: a, socket: " + socket
            + "}]"))) {
            running.openPorts();
            running.openApi(Path.of(api));
            final Run before = Run.of("diagnose", "a", "--api", api);
            assertEquals(3, before.status(), before.err());
            assertTrue(before.out().startsWith("ok       socket           " + socket + " exists: "), before.out());
            assertTrue(before.out().contains("\nproblem  front-end        no front-end is attached: "), before.out());
            assertTrue(Run.of("show", "port", "a", "--api", api).out().contains("\nmemory      none in use\n"));
            try (Guest _ = Guest.attach(socket, Frontend.DEFAULT_FEATURES, new QueueShape(64, 256))) {
                Await.until(() -> Run.of("show", "port", "a", "--api", api).out().startsWith("a: running since "));
                final Run after = Run.of("diagnose", "a", "--api", api);
                assertEquals(0, after.status(), after.out());
                assertTrue(after.out().contains("\nok       rings            2 started, 2 of them enabled\n"),
                    after.out());
                final String shown = Run.of("show", "port", "a", "--api", api).out();
                assertTrue(shown.contains("\nfront-end   process " + ProcessHandle.current().pid() + " ("), shown);
                assertTrue(shown.contains("), attached at "), shown);
                assertTrue(shown.contains(", version_1"), shown);
                assertTrue(shown.contains(" in 1 region: "), shown);
                final JsonNode json = new ObjectMapper().readTree(
                    Run.of("show", "port", "a", "--json", "--api", api).out());
                assertEquals("a", json.get("name").asText());
                assertEquals(0, json.get("rings").get(0).get("position").asInt(-1));
                assertEquals(64, json.get("rings").get(1).get("size").asInt());
                final JsonNode checks = new ObjectMapper().readTree(
                    Run.of("diagnose", "a", "--json", "--api", api).out());
                assertEquals("socket ok", checks.get(0).get("check").asText() + ' '
                    + checks.get(0).get("state").asText());
            }
            final Run unknown = Run.of("diagnose", "b", "--api", api);
            assertEquals("ringbridge: no port is named \"b\"; there are: a\n", unknown.err());
            assertEquals(1, unknown.status());
            assertEquals(unknown.err(), Run.of("show", "port", "b", "--api", api).err());
        }
    }

    @Test
    void onlyTheStatesHaveColours() {
        assertEquals("\033[32mok\033[0m       a  problem\n\033[1;31mproblem\033[0m  b  ok\n",
            DiagnoseCommand.coloured("ok       a  problem\nproblem  b  ok\n"));
    }
}
