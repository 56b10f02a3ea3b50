package io.ringbridge.cli.attach;

import org.junit.jupiter.api.Test;

import java.util.HashSet;
import java.util.Set;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class GuestMacTest {
    @Test
    void everyPortHasAStableAddressOfItsOwn() {
        final Set<String> addresses = new HashSet<>();
        for (int i = 0; i < 1024; i++) {
            final String mac = GuestMac.of("vm" + i, "0123456789abcdef");
            assertTrue(mac.matches("02(:[0-9a-f]{2}){5}"), mac);
            assertTrue(addresses.add(mac), mac);
        }
        assertEquals(GuestMac.of("vm1", "a"), GuestMac.of("vm1", "a"));
        assertNotEquals(GuestMac.of("vm1", "a"), GuestMac.of("vm1", "b"));
        assertEquals(GuestMac.of("vm1"), GuestMac.of("vm1"));
    }
}
