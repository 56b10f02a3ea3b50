package io.ringbridge.api;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;

/** The common fixture of API tests: a fake switch whose API is served on a socket, and a client of it. */
abstract class ApiFixture {
    @TempDir
    Path dir;
    Path socket;
    final FakeSwitch fake = new FakeSwitch();
    ApiServer server;
    ApiClient client;

    @BeforeEach
    void serve() {
        socket = dir.resolve("api.sock");
        server = ApiServer.start(socket, fake);
        client = new ApiClient(socket);
    }

    @AfterEach
    void stopServing() {
        client.close();
        server.close();
    }
}
