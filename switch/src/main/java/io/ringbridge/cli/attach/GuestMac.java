package io.ringbridge.cli.attach;

import io.ringbridge.datapath.packet.MacAddress;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/**
 * Derives a stable Ethernet address for a port's virtual machine, which differs between ports and between hosts.
 *
 * <p>The address is {@code 02} followed by the first five bytes of the SHA-256 of the host's machine ID and the port's
 * name, so it is unicast and locally administered. Two of 1024 ports of a switch collide with a probability of 1 in 2
 * million.
 */
final class GuestMac {
    private static final List<Path> MACHINE_IDS = List.of(Path.of("/etc/machine-id"),
        Path.of("/var/lib/dbus/machine-id"),
        Path.of("/proc/sys/kernel/hostname"));
    /** The first octet, which {@link MacAddress} stores in the lowest bits. */
    private static final long LOCAL = 0x02;
    private static final long REST = 0xFF_FF_FF_FF_FF_00L;

    private GuestMac() {
    }

    /** Returns the address for a port of this host. */
    static String of(final String port) {
        return of(port, machine());
    }

    static String of(final String port, final String machine) {
        try {
            final byte[] digest = MessageDigest.getInstance("SHA-256")
                .digest((machine + '\0' + port).getBytes(StandardCharsets.UTF_8));
            return MacAddress.format(LOCAL | ByteBuffer.wrap(digest).getLong() & REST);
        } catch (final NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** Returns the machine ID of this host, or the host name if there is none, as in some containers. */
    private static String machine() {
        for (final Path file : MACHINE_IDS) {
            try {
                final String id = Files.readString(file).strip();
                if (!id.isEmpty()) {
                    return id;
                }
            } catch (IOException _) {
                // Try the next file.
            }
        }
        return "";
    }
}
