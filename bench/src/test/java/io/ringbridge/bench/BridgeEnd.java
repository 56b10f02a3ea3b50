package io.ringbridge.bench;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.SwitchProcess;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.os.Tap;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;

/** A point at which this process sends frames into a bridge and receives frames from it. */
interface BridgeEnd extends AutoCloseable {
    void send(byte[] frame);

    /** Returns the next frame from the bridge, or null if there is none. */
    byte[] receive();

    @Override
    void close();

    /** Attaches a guest to a vhost-user port. */
    static BridgeEnd guest(final SwitchProcess ringbridge, final String port) {
        try {
            return new OnSocket(ringbridge.socket(port));
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Creates a network device in a namespace. Frames sent here are received by that device. */
    static BridgeEnd device(final NetworkNamespace namespace, final String device) {
        return new Device(namespace, device);
    }

    /**
     * Creates the socket of a QEMU netdev {@code stream}. Frames sent here are received by the guest's network device.
     */
    static Stream stream(final Path socket) {
        try {
            return new Stream(socket);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** See {@link #guest}. */
    final class OnSocket implements BridgeEnd {
        private final Guest guest;
        private final QueuePair queues;

        private OnSocket(final Path socket) throws IOException {
            guest = Guest.attach(socket, Frontend.DEFAULT_FEATURES, new QueueShape(256, 2048));
            queues = guest.queues();
        }

        @Override
        public void send(final byte[] frame) {
            queues.transmitter().complete();
            if (!queues.transmitter().transmit(frame)) {
                throw new BenchException("the switch owns all the buffers");
            }
        }

        @Override
        public byte[] receive() {
            if (!queues.receiver().poll()) {
                return null;
            }
            final byte[] frame = queues.receiver().frame();
            queues.receiver().flush();
            return frame;
        }

        @Override
        public void close() {
            guest.close();
        }
    }

    /** See {@link #device}. */
    final class Device implements BridgeEnd {
        private static final AtomicInteger NEXT = new AtomicInteger();
        private static final Duration LIMIT = Duration.ofSeconds(30);
        private static final int LONGEST = 4096;

        private final Tap tap;
        private final long buffer = Memory.allocate(LONGEST);
        private final long iovecs = Memory.allocate(32);

        private Device(final NetworkNamespace namespace, final String device) {
            final String temporary = "rbk" + ProcessHandle.current().pid() + 'x' + NEXT.getAndIncrement();
            tap = Tap.open(temporary, false);
            Program.run(LIMIT, "ip", "link", "set", temporary, "netns", namespace.name(), "name", device);
            namespace.run("ip", "link", "set", device, "up");
        }

        @Override
        public void send(final byte[] frame) {
            Memory.zero(buffer, FrameDevice.HEADER);
            Memory.copy(frame, 0, buffer + FrameDevice.HEADER, frame.length);
            Memory.putLong(iovecs, buffer);
            Memory.putLong(iovecs + 8, FrameDevice.HEADER);
            Memory.putLong(iovecs + 16, buffer + FrameDevice.HEADER);
            Memory.putLong(iovecs + 24, frame.length);
            final long result = tap.write(iovecs, 2);
            if (result < 0) {
                throw new BenchException("cannot write a frame to the tap: " + result);
            }
        }

        @Override
        public byte[] receive() {
            final long length = tap.read(buffer, LONGEST);
            if (length < 0) {
                return null;
            }
            final byte[] frame = new byte[(int) length - FrameDevice.HEADER];
            Memory.copy(buffer + FrameDevice.HEADER, frame, 0, frame.length);
            return frame;
        }

        @Override
        public void close() {
            tap.close();
        }
    }

    /** See {@link #stream}. Four bytes with its length precede each frame. */
    final class Stream implements BridgeEnd {
        private final ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        private final ByteBuffer read = ByteBuffer.allocate(1 << 20);
        private SocketChannel channel;

        private Stream(final Path socket) throws IOException {
            server.bind(UnixDomainSocketAddress.of(socket));
        }

        /** Waits for a started QEMU to connect. */
        void accept() {
            try {
                channel = server.accept();
                channel.configureBlocking(false);
            } catch (final IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void send(final byte[] frame) {
            final ByteBuffer bytes = ByteBuffer.allocate(4 + frame.length).putInt(frame.length).put(frame).flip();
            try {
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
            } catch (final IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public byte[] receive() {
            try {
                channel.read(read);
            } catch (final IOException e) {
                throw new UncheckedIOException(e);
            }
            read.flip();
            byte[] frame = null;
            if (read.remaining() >= 4 && read.remaining() >= 4 + read.getInt(0)) {
                frame = new byte[read.getInt()];
                read.get(frame);
            }
            read.compact();
            return frame;
        }

        @Override
        public void close() {
            try {
                server.close();
                if (channel != null) {
                    channel.close();
                }
            } catch (final IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
