package io.ringbridge.control.transport;

import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.os.Fd;

import org.newsclub.net.unix.AFUNIXSocket;
import org.newsclub.net.unix.AFUNIXSocketAddress;
import org.newsclub.net.unix.FileDescriptorCast;

import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;

/**
 * A connected socket of either side.
 *
 * <p>Owned by one thread. Others may only {@link #shutdown} it: closing a descriptor that another thread is about to read from would
 * hand that thread whatever file gets the number next.
 */
public final class Connection implements AutoCloseable {
    /** What sun_path holds, less the final zero. */
    private static final int MAX_PATH = 107;
    /** Room for SCM_MAX_FD (253) descriptors, so that the kernel never has to cut them off. */
    private static final int ANCILLARY_BYTES = 2048;
    /** More than any message may bring, and few enough that no peer can exhaust this process's descriptors with one message. */
    private static final int MAX_DESCRIPTORS = 64;
    private static final int IDLE_MILLIS = 500;

    private final AFUNIXSocket socket;
    private Inherited inherited;
    private volatile boolean halfway;
    private boolean over;

    private Connection(final AFUNIXSocket socket) {
        this.socket = socket;
    }

    /** Takes over a connected socket; it is closed where that fails. */
    static Connection over(final AFUNIXSocket socket) throws IOException {
        try {
            socket.setAncillaryReceiveBufferSize(ANCILLARY_BYTES);
            socket.setSoTimeout(IDLE_MILLIS);
            return new Connection(socket);
        } catch (final IOException e) {
            socket.close();
            throw e;
        }
    }

    /**
     * Connects to a listening socket.
     *
     * @throws TransportException when no socket can have this path
     * @throws IOException when nobody listens there
     */
    public static Connection connect(final Path path) throws IOException {
        final AFUNIXSocket socket = AFUNIXSocket.newInstance();
        try {
            socket.connect(address(path));
        } catch (final IOException | TransportException e) {
            socket.close();
            throw e;
        }
        return over(socket);
    }

    /**
     * Takes over an inherited, connected socket.
     *
     * @throws TransportException when the descriptor is anything else
     */
    public static Connection adopt(final int fd) {
        try {
            final Connection connection = over(FileDescriptorCast.unsafeUsing(fd).as(AFUNIXSocket.class));
            connection.inherited = new Inherited(fd);
            return connection;
        } catch (final IOException | ClassCastException e) {
            throw new TransportException("descriptor " + fd + " is no connected Unix stream socket", e);
        }
    }

    static AFUNIXSocketAddress address(final Path path) throws IOException {
        checkPath(path);
        return AFUNIXSocketAddress.of(path);
    }

    /**
     * Checks that a socket can have this path.
     *
     * @throws TransportException when it is empty or too long
     */
    public static void checkPath(final Path path) {
        final int length = path.toString().getBytes(StandardCharsets.UTF_8).length;
        if (length == 0 || length > MAX_PATH) {
            throw new TransportException("socket path " + path + " has " + length + " bytes; 1 to " + MAX_PATH + " are allowed");
        }
    }

    /**
     * Waits for a whole message.
     *
     * @param idle called now and then while nothing comes; what it throws ends the wait
     * @return null when the peer has closed the connection
     * @throws ProtocolException when the header is malformed; the connection cannot be used any more
     * @throws IOException when the connection breaks, or ends within a message
     */
    public Packet receive(final Runnable idle) throws IOException {
        return receive(idle, () -> false);
    }

    /**
     * Waits for a whole message, or until it is time to do something else. Of what comes later nothing is lost then.
     *
     * @param leave asked now and then while nothing of a message has come; true ends the wait
     * @return null when {@code leave} was true, or the peer has closed the connection, which then {@linkplain #isOver is over}
     */
    public Packet receive(final Runnable idle, final BooleanSupplier leave) throws IOException {
        final Descriptors descriptors = new Descriptors();
        try {
            final byte[] header = new byte[Header.BYTES];
            if (!fill(header, descriptors, idle, leave)) {
                descriptors.close();
                return null;
            }
            final Header decoded = Header.decode(ByteBuffer.wrap(header)).checked();
            final byte[] payload = new byte[decoded.size()];
            fill(payload, descriptors, idle, null);
            halfway = false;
            return new Packet(decoded, payload, descriptors);
        } catch (final IOException | RuntimeException e) {
            descriptors.close();
            throw e;
        }
    }

    /** Fills a buffer; false when the wait ended before its first byte, and may. {@code leave} is null where it may not. */
    private boolean fill(final byte[] buffer, final Descriptors descriptors, final Runnable idle, final BooleanSupplier leave)
        throws IOException {
        int done = 0;
        while (done < buffer.length) {
            int n = 0;
            try {
                n = socket.getInputStream().read(buffer, done, buffer.length - done);
            } catch (final SocketTimeoutException e) {
                idle.run();
                if (leave != null && done == 0 && leave.getAsBoolean()) {
                    return false;
                }
            } finally {
                claim(descriptors);
            }
            if (n < 0) {
                if (leave != null && done == 0) {
                    over = true;
                    return false;
                }
                throw new EOFException("the connection ended within a message");
            }
            done += n;
            if (n > 0) {
                halfway = true;
            }
        }
        return true;
    }

    /**
     * Moves received descriptors out of the socket, which would close them with itself: each is duplicated, and the socket's own is
     * closed in the way that makes it forget the number.
     */
    private void claim(final Descriptors descriptors) throws IOException {
        for (final FileDescriptor received : socket.getReceivedFileDescriptors()) {
            try (FileInputStream _ = new FileInputStream(received)) {
                descriptors.add(Fd.duplicate(FileDescriptorCast.using(received).as(Integer.class)));
            }
        }
        if (descriptors.count() > MAX_DESCRIPTORS) {
            throw ProtocolException.fatal("a message brings " + descriptors.count() + " descriptors; at most " + MAX_DESCRIPTORS
                + " are allowed");
        }
    }

    /**
     * Sends a message.
     *
     * @param fds descriptors to go with it; they stay the caller's
     */
    public void send(final int request, final int flags, final byte[] payload, final int... fds) throws IOException {
        final ByteBuffer message = ByteBuffer.allocate(Header.BYTES + payload.length);
        new Header(request, flags, payload.length).encode(message);
        message.put(payload);
        sendBytes(message.array(), fds);
    }

    /** Sends bytes as they are, whole messages or not. */
    public void sendBytes(final byte[] bytes, final int... fds) throws IOException {
        if (fds.length > 0) {
            final FileDescriptor[] outbound = new FileDescriptor[fds.length];
            for (int i = 0; i < fds.length; i++) {
                outbound[i] = FileDescriptorCast.unsafeUsing(fds[i]).getFileDescriptor();
            }
            socket.setOutboundFileDescriptors(outbound);
        }
        socket.getOutputStream().write(bytes);
    }

    /** Whether the peer was found to have closed the connection. The owning thread only. */
    public boolean isOver() {
        return over;
    }

    /** Whether a message has come in part, and its rest not yet. Any thread may ask. */
    public boolean isHalfway() {
        return halfway;
    }

    /** Who is at the other end, for display. */
    public String peer() {
        try {
            return "process " + socket.getPeerCredentials().getPid();
        } catch (final IOException e) {
            return "an unknown process";
        }
    }

    /** Ends the conversation: whoever reads or writes here is told at once that it is over. Any thread may call. */
    public void shutdown() {
        try {
            // Not by the socket's own methods: those of java.net.Socket take an accepted Unix socket for one that is not connected.
            socket.getChannel().shutdownInput();
            socket.getChannel().shutdownOutput();
        } catch (final IOException e) {
            // Over already.
        }
    }

    /**
     * The descriptor's number, for handing it on; it remains this object's.
     *
     * @throws TransportException when the connection is over
     */
    public int descriptor() {
        return Inherited.number(socket::getFileDescriptor);
    }

    /** Closes the socket in this process, while the conversation goes on in another that has it as well. The owning thread only. */
    public void letGo() {
        Inherited.vacate(socket::getFileDescriptor, inherited);
        close();
    }

    /** Closes the socket; the owning thread only. */
    @Override
    public void close() {
        try {
            socket.close();
        } catch (final IOException e) {
            // The descriptor is gone all the same.
        }
        if (inherited != null) {
            inherited.close();
        }
    }
}
