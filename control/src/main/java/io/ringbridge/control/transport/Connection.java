package io.ringbridge.control.transport;

import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.os.DescriptorSocket;
import io.ringbridge.datapath.os.EventFd;

import org.newsclub.net.unix.AFUNIXSocket;
import org.newsclub.net.unix.AFUNIXSocketAddress;
import org.newsclub.net.unix.FileDescriptorCast;

import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.IOException;
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
    /** What a message may bring, here and in {@link #allowDescriptors}: a connection that idles in the middle of one holds no more open. */
    private static final int MAX_DESCRIPTORS = 8;
    private static final int IDLE_MILLIS = 500;

    private final AFUNIXSocket socket;
    private final DescriptorSocket receiver;
    private int maxDescriptors = MAX_DESCRIPTORS;
    private Inherited inherited;
    private volatile boolean halfway;
    private boolean over;

    private Connection(final AFUNIXSocket socket) throws IOException {
        this.socket = socket;
        receiver = new DescriptorSocket(Descriptors.number(socket.getFileDescriptor()));
    }

    /** Takes over a connected socket; it is closed where that fails. */
    static Connection over(final AFUNIXSocket socket) throws IOException {
        try {
            socket.setSoTimeout(IDLE_MILLIS); // for what is sent
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
        Packet packet = null;
        try {
            final byte[] header = new byte[Header.BYTES];
            if (fill(header, descriptors, idle, leave)) {
                final Header decoded = Header.decode(ByteBuffer.wrap(header)).checked();
                final byte[] payload = new byte[decoded.size()];
                fill(payload, descriptors, idle, null);
                halfway = false;
                packet = new Packet(decoded, payload, descriptors);
            }
            return packet;
        } finally {
            if (packet == null) {
                descriptors.close();
            }
        }
    }

    /** Fills a buffer; false when the wait ended before its first byte, and may. {@code leave} is null where it may not. */
    private boolean fill(final byte[] buffer, final Descriptors descriptors, final Runnable idle, final BooleanSupplier leave)
        throws IOException {
        int done = 0;
        while (done < buffer.length) {
            final int n = receiver.awaitReadable(IDLE_MILLIS)
                ? receiver.receive(buffer, done, buffer.length - done, descriptors::add) : 0;
            checkCount(descriptors);
            if (n == 0) {
                idle.run();
                if (leave != null && done == 0 && leave.getAsBoolean()) {
                    return false;
                }
            }
            if (n < 0) {
                if (leave != null && done == 0) {
                    over = true;
                    return false;
                }
                throw new EOFException("the connection ended within a message");
            }
            done += n;
            halfway |= n > 0;
        }
        return true;
    }

    private void checkCount(final Descriptors descriptors) {
        if (descriptors.count() > maxDescriptors) {
            throw ProtocolException.fatal("a message brings " + descriptors.count() + " descriptors; at most " + maxDescriptors
                + " are allowed");
        }
    }

    /** Ends each wait for a message early while this event is signalled, and calls what is to be called meanwhile; null for none. */
    public void wakeBy(final EventFd event) {
        receiver.wakeBy(event);
    }

    /** Takes messages with as many descriptors as this, from a peer that is trusted with them. */
    public void allowDescriptors(final int most) {
        maxDescriptors = most;
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
