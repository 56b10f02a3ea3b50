package io.ringbridge.control.handover;

import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.os.Fd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.function.BooleanSupplier;
import java.util.zip.CRC32C;

/**
 * The connection between the old and the new process of a hand-over.
 *
 * <pre>
 *  0           8         12       16            20                     24
 * | RINGBRUP  | version | length | descriptors | CRC-32C of content   | content
 * </pre>
 *
 * <p>The content of a record is a sequence of {@linkplain SectionKind sections}. A record is split into messages with
 * vhost-user headers. Each is small enough, and has few enough descriptors, for the kernel to accept it. Owned by one
 * thread.
 */
public final class StateSocket implements AutoCloseable {
    /**
     * The version of the format: of the record's header and of the headers of its sections. Either side refuses any
     * other, and the old process keeps serving. What the sections contain changes without a new format. Up to format 4,
     * records had no sections.
     */
    public static final int VERSION = 5;

    private static final long MAGIC = 0x5055_5242_474E_4952L;
    private static final int HEAD = 24;
    private static final int VERSION_AT = 8;
    private static final int PART_BYTES = 32 * 1024;
    /** Below SCM_MAX_FD, which is 253. */
    private static final int PART_DESCRIPTORS = 60;
    /** More than a full forwarding table has. */
    private static final int MAX_BYTES = 32 << 20;
    /** More than a port can have: three per ring, and one per memory region. */
    private static final int MAX_DESCRIPTORS = 4096;

    private final Connection connection;

    /** Takes ownership of the connection. */
    public StateSocket(final Connection connection) {
        this.connection = connection;
        connection.allowDescriptors(PART_DESCRIPTORS);
    }

    /** Sends a record. */
    public void send(final Step step, final StateWriter state) {
        final byte[] content = state.content();
        final int[] descriptors = state.descriptors();
        final CRC32C crc = new CRC32C();
        crc.update(content);
        final ByteBuffer record = ByteBuffer.allocate(HEAD + content.length).order(ByteOrder.LITTLE_ENDIAN);
        record.putLong(MAGIC).putInt(VERSION).putInt(content.length).putInt(descriptors.length)
            .putInt((int) crc.getValue()).put(content);
        sendParts(step, record.array(), descriptors);
    }

    private void sendParts(final Step step, final byte[] record, final int[] descriptors) {
        int at = 0;
        int fd = 0;
        try {
            do {
                final int bytes = Math.min(PART_BYTES, record.length - at);
                final int fds = Math.min(PART_DESCRIPTORS, descriptors.length - fd);
                connection.send(step.number(), Header.VERSION, Arrays.copyOfRange(record, at, at + bytes),
                    Arrays.copyOfRange(descriptors, fd, fd + fds));
                at += bytes;
                fd += fds;
            } while (at < record.length || fd < descriptors.length);
        } catch (final IOException e) {
            throw new HandOverException("cannot send " + step + " to the other process: " + e.getMessage(), e);
        }
    }

    /** Sends a record without content. */
    public void send(final Step step) {
        send(step, new StateWriter());
    }

    /** Sends {@link Step#REFUSED} with the reason in one line. */
    public void refuse(final String why) {
        send(Step.REFUSED, new StateWriter().section(HandOverSections.REASON, out -> out.text(why)));
    }

    /**
     * Waits for a record.
     *
     * @param limit the longest time to wait; it is checked about twice per second
     * @throws LateException if the record does not arrive in time
     * @throws HandOverException if the record has another version, is malformed or unexpected, or if the other process
     * refuses
     */
    public StateRecord receive(final Step step, final Duration limit) {
        final long begun = System.nanoTime();
        return receive(step, () -> System.nanoTime() - begun > limit.toNanos(),
            "the other process has not sent " + step + " within " + limit.toSeconds() + " s");
    }

    /** Waits for a record without a time limit, until the other process ends. */
    public StateRecord await(final Step step) {
        return receive(step, () -> false, "");
    }

    /** Waits for a record without content, as {@link #receive} does. */
    public void expect(final Step step, final Duration limit) {
        try (StateRecord in = receive(step, limit)) {
            in.sections();
        }
    }

    private StateRecord receive(final Step step, final BooleanSupplier late, final String complaint) {
        final Incoming incoming = new Incoming();
        try {
            Step found;
            do {
                found = next(incoming, late, complaint);
                if (found != step && found != Step.REFUSED) {
                    throw new HandOverException("the other process sent " + found + "; expected " + step);
                }
            } while (!incoming.isWhole());
            final StateRecord received = incoming.finish();
            if (found == Step.REFUSED) {
                try (received) {
                    throw new HandOverException(received.sections(HandOverSections.REASON)
                        .get(HandOverSections.REASON).text());
                }
            }
            return received;
        } catch (final IOException | ProtocolException e) {
            throw new HandOverException("cannot read from the other process: " + e.getMessage(), e);
        } finally {
            incoming.close();
        }
    }

    private Step next(final Incoming incoming, final BooleanSupplier late, final String complaint) throws IOException {
        try (Packet packet = connection.receive(() -> {
            if (late.getAsBoolean()) {
                throw new LateException(complaint);
            }
        })) {
            if (packet == null) {
                throw new HandOverException("the other process has ended");
            }
            final int number = packet.header().request();
            final Step step = Step.of(number).orElseThrow(() -> new HandOverException(
                "the other process sent a record of unknown kind " + Integer.toUnsignedString(number)));
            incoming.add(packet);
            return step;
        }
    }

    /** A record that has arrived in part. */
    private static final class Incoming implements AutoCloseable {
        private final Deque<Integer> descriptors = new ArrayDeque<>();
        private ByteBuffer content = ByteBuffer.allocate(0);
        private boolean begun;
        private int descriptorCount;
        private int checksum;

        void add(final Packet packet) {
            final ByteBuffer part = ByteBuffer.wrap(packet.payload()).order(ByteOrder.LITTLE_ENDIAN);
            if (!begun) {
                begin(part);
            }
            if (part.remaining() > content.remaining()
                || packet.descriptors().count() > descriptorCount - descriptors.size()
                || part.remaining() + packet.descriptors().count() == 0 && !isWhole()) {
                throw new HandOverException("part of a record has " + part.remaining() + " bytes and "
                    + packet.descriptors().count() + " descriptors; expected at most " + content.remaining() + " and "
                    + (descriptorCount - descriptors.size()));
            }
            content.put(part);
            for (int i = 0; i < packet.descriptors().count(); i++) {
                descriptors.add(packet.descriptors().take(i));
            }
        }

        private void begin(final ByteBuffer part) {
            if (part.remaining() < HEAD || part.getLong(0) != MAGIC) {
                throw new HandOverException("a record does not start with this switch's signature");
            }
            final int version = part.getInt(VERSION_AT);
            if (version != VERSION) {
                throw new HandOverException("the other process uses format " + Integer.toUnsignedString(version)
                    + " of the hand-over, and this one format " + VERSION
                    + "; stop the switch and start the other version instead");
            }
            final int length = part.getInt(VERSION_AT + 4);
            descriptorCount = part.getInt(VERSION_AT + 8);
            checksum = part.getInt(VERSION_AT + 12);
            if (length < 0 || length > MAX_BYTES || descriptorCount < 0 || descriptorCount > MAX_DESCRIPTORS) {
                throw new HandOverException("a record's header gives " + Integer.toUnsignedString(length)
                    + " bytes and " + Integer.toUnsignedString(descriptorCount) + " descriptors; at most " + MAX_BYTES
                    + " and " + MAX_DESCRIPTORS + " are allowed");
            }
            part.position(HEAD);
            content = ByteBuffer.allocate(length);
            begun = true;
        }

        boolean isWhole() {
            return !content.hasRemaining() && descriptors.size() == descriptorCount;
        }

        StateRecord finish() {
            final CRC32C crc = new CRC32C();
            crc.update(content.array());
            if ((int) crc.getValue() != checksum) {
                throw new HandOverException("the checksum of a record is wrong");
            }
            final StateRecord received = new StateRecord(content.array(), descriptors);
            descriptors.clear();
            return received;
        }

        @Override
        public void close() {
            descriptors.forEach(Fd::close);
        }
    }

    @Override
    public void close() {
        connection.close();
    }
}
