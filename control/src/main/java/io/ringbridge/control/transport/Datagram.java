package io.ringbridge.control.transport;

import org.newsclub.net.unix.AFUNIXDatagramSocket;
import org.newsclub.net.unix.AFUNIXSocketAddress;

import java.io.IOException;
import java.net.DatagramPacket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Sends a single message to a Unix datagram socket. Any thread may call in. */
public final class Datagram {
    private static final String ABSTRACT = "@";

    private Datagram() {
    }

    /**
     * Sends a text.
     *
     * @param address a path, or a name in the abstract namespace after an {@code @}
     * @throws IOException if nobody receives there
     */
    public static void send(final String address, final String text) throws IOException {
        final byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try (AFUNIXDatagramSocket socket = AFUNIXDatagramSocket.newInstance()) {
            socket.send(new DatagramPacket(bytes, bytes.length, address.startsWith(ABSTRACT)
                ? AFUNIXSocketAddress.inAbstractNamespace(address.substring(ABSTRACT.length()))
                : AFUNIXSocketAddress.of(Path.of(address))));
        }
    }
}
