package io.ringbridge.testkit;

import io.ringbridge.datapath.os.EventFd;
import org.junit.jupiter.api.Test;

import java.net.http.HttpClient;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class OpenDescriptorsTest {
    @Test
    void descriptorsAreCountedUntilTheyAreClosed() {
        final long before = OpenDescriptors.count();
        try (EventFd _ = EventFd.create()) {
            assertEquals(before + 1, OpenDescriptors.count());
        }
        assertEquals(before, OpenDescriptors.count());
    }

    /** A client that an earlier test has left would close its descriptors between two counts. */
    @Test
    void theDescriptorsOfForgottenHttpClientsAreNotCounted() {
        forgetHttpClient(); // the first one opens files that the virtual machine keeps
        final long before = OpenDescriptors.count();
        forgetHttpClient();
        assertEquals(before, OpenDescriptors.count());
    }

    private static void forgetHttpClient() {
        assertTrue(HttpClient.newHttpClient().executor().isEmpty());
    }
}
