package io.ringbridge.control.transport;

import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.os.DescriptorSocket;
import io.ringbridge.datapath.os.EventFd;
import org.jspecify.annotations.Nullable;
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
 * A connected socket, on the side of the front-end or of the back-end.
 *
 * <p>Owned by one thread. Other threads may only {@link #shutdown} it. If they closed the descriptor while the owner is
 * about to read from it, the owner would read from whatever file gets the number next.
 */
public final class Connection implements AutoCloseable {
    /** The size of sun_path, less the terminating zero. */
    private static final int MAX_PATH = 107;
    /**
     * The descriptors a message may bring unless {@link #allowDescriptors} sets another limit. A connection that idles
     * within a message keeps no more open.
     */
    private static final int MAX_DESCRIPTORS = 8;
    private static final int IDLE_MILLIS = 500;

    private final AFUNIXSocket socket;
    private final DescriptorSocket receiver;
    private int maxDescriptors = MAX_DESCRIPTORS;
    private @Nullable Inherited inherited;
    private volatile boolean halfway;
    private boolean over;

    private Connection(final AFUNIXSocket socket) throws IOException {
        this.socket = socket;
        receiver = new DescriptorSocket(Descriptors.number(socket.getFileDescriptor()));
    }

    /** Takes ownership of a connected socket, and closes it if that fails. */
    static Connection over(final AFUNIXSocket socket) throws IOException {
        try {
            socket.setSoTimeout(IDLE_MILLIS); // for sending
            return new Connection(socket);
        } catch (final IOException e) {
            socket.close();
            throw e;
        }
    }

    /**
     * Connects to a listening socket.
     *
     * @throws TransportException if no socket can have this path
     * @throws IOException if nobody listens there, or the listener does not accept
     */
    public static Connection connect(final Path path) throws IOException {
        final AFUNIXSocket socket = AFUNIXSocket.newInstance();
        try {
            socket.setSoTimeout(IDLE_MILLIS); // a listener whose queue is full and that accepts nothing
            socket.connect(address(path));
        } catch (final IOException | TransportException e) {
            socket.close();
            throw e;
        }
        return over(socket);
    }

    /**
     * Takes ownership of an inherited, connected socket.
     *
     * @throws TransportException if the descriptor is anything else
     */
    public static Connection adopt(final int fd) {
        try {
            final Connection connection = over(FileDescriptorCast.unsafeUsing(fd).as(AFUNIXSocket.class));
            connection.inherited = new Inherited(fd);
            return connection;
        } catch (final IOException | ClassCastException e) {
            throw new TransportException("descriptor " + fd + " is not a connected Unix stream socket", e);
        }
    }

    static AFUNIXSocketAddress address(final Path path) throws IOException {
        checkPath(path);
        return AFUNIXSocketAddress.of(path);
    }

    /**
     * Checks that a socket can have this path.
     *
     * @throws TransportException if the path is empty or too long
     */
    public static void checkPath(final Path path) {
        final int length = path.toString().getBytes(StandardCharsets.UTF_8).length;
        if (length == 0 || length > MAX_PATH) {
            throw new TransportException("socket path " + path + " has " + length + " bytes; 1 to " + MAX_PATH
                + " are allowed");
        }
    }

    /**
     * Waits for a whole message.
     *
     * @param idle called now and then while nothing arrives; an exception that it throws ends the wait
     * @return null if the peer has closed the connection
     * @throws ProtocolException if the header is malformed; the connection cannot be used any more
     * @throws IOException if the connection breaks, or ends within a message
     */
    public @Nullable Packet receive(final Runnable idle) throws IOException {
        return receive(idle, () -> false);
    }

    /**
     * Waits for a whole message, or until the caller has something else to do. A message that arrives later is not
     * lost.
     *
     * @param idle called now and then while nothing arrives; an exception that it throws ends the wait
     * @param leave called now and then before the first byte of a message; true ends the wait
     * @return null if {@code leave} was true, or if the peer has closed the connection, which then
     * {@linkplain #isOver is over}
     */
    public @Nullable Packet receive(final Runnable idle, final BooleanSupplier leave) throws IOException {
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

    /**
     * Fills a buffer.
     *
     * @param leave null if the wait must not end before the buffer is full
     * @return false if the wait ended before the first byte
     */
    private boolean fill(final byte[] buffer, final Descriptors descriptors, final Runnable idle,
                         final @Nullable BooleanSupplier leave) throws IOException {
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
            throw ProtocolException.fatal("a message brings " + descriptors.count() + " descriptors; at most "
                + maxDescriptors + " are allowed");
        }
    }

    /**
     * Makes every wait for a message call {@code idle} and {@code leave} at once while an event is signalled.
     *
     * @param event null for none
     */
    public void wakeBy(final @Nullable EventFd event) {
        receiver.wakeBy(event);
    }

    /** Sets the largest number of descriptors per message, for a peer that is trusted with that many. */
    public void allowDescriptors(final int most) {
        maxDescriptors = most;
    }

    /**
     * Sends a message.
     *
     * @param fds descriptors to send with it; the caller still owns them
     */
    public void send(final int request, final int flags, final byte[] payload, final int... fds) throws IOException {
        final ByteBuffer message = ByteBuffer.allocate(Header.BYTES + payload.length);
        new Header(request, flags, payload.length).encode(message);
        message.put(payload);
        sendBytes(message.array(), fds);
    }

    /** Sends bytes unchanged, whether they are whole messages or not. */
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

    /** Whether the peer was found to have closed the connection. Only the owning thread calls this. */
    public boolean isOver() {
        return over;
    }

    /** Whether a message has arrived only in part. Any thread may call this. */
    public boolean isHalfway() {
        return halfway;
    }

    /** Returns the process at the other end (unix(7), SO_PEERCRED). */
    public Peer peer() {
        try {
            return Peer.of(socket.getPeerCredentials().getPid());
        } catch (final IOException e) {
            return Peer.UNKNOWN;
        }
    }

    /**
     * Ends the conversation. Reads and writes in progress, here and at the peer, end at once. Any thread may call this.
     */
    public void shutdown() {
        try {
            // The methods of java.net.Socket would take an accepted Unix socket for one that is not connected.
            socket.getChannel().shutdownInput();
            socket.getChannel().shutdownOutput();
        } catch (final IOException e) {
            // The connection is over already.
        }
    }

    /**
     * Returns the number of the descriptor, to be passed to another process. This object still owns the descriptor.
     *
     * @throws TransportException if the connection is over
     */
    public int descriptor() {
        return Inherited.number(socket::getFileDescriptor);
    }

    /**
     * Closes the socket in this process only. The process that owns it now keeps the conversation. Only the owning
     * thread calls this.
     */
    public void relinquish() {
        Inherited.vacate(socket::getFileDescriptor, inherited);
        close();
    }

    /** Closes the socket. Only the owning thread calls this. */
    @Override
    public void close() {
        try {
            socket.close();
        } catch (final IOException e) {
            // The descriptor is closed all the same.
        }
        if (inherited != null) {
            inherited.close();
        }
    }
}
