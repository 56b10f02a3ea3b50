package io.ringbridge.control.backend.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Scratch;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;
import org.jspecify.annotations.Nullable;

import java.util.function.IntPredicate;

/**
 * The control virtqueue of a device, if the front-end leaves it to the back-end (virtio 1.2, section 5.1.6.5).
 *
 * <pre>
 *  the device reads              the device writes
 *  0       1         2                     0
 * | class | command | its data ...      | | ack: 0 on success, else 1 |
 * </pre>
 *
 * <p>Every command is answered, since a driver waits for the answer without a time limit. Owned by the session's
 * thread.
 */
final class ControlQueue {
    private static final int HEADER_BYTES = 2;
    private static final byte OK = 0;
    private static final byte ERROR = 1;
    private static final int CLASS_ANNOUNCE = 3;
    private static final int ANNOUNCE_ACK = 0;
    private static final int CLASS_MQ = 4;
    private static final int VQ_PAIRS_SET = 0;
    private static final int PAIRS_BYTES = 2;
    /** The most consecutive commands answered before the session reads messages again. */
    private static final int BURST = 64;

    private final IntPredicate pairs;
    private final Segments command = new Segments();
    private final Segments answer = new Segments();
    private final Scratch scratch = Scratch.of(HEADER_BYTES + PAIRS_BYTES);
    private @Nullable DeviceRing ring;
    private RingEvents events = RingEvents.NONE;
    private boolean callAgain;
    private @Nullable DirtyLog log;
    private @Nullable EventFd changed;

    /**
     * Creates a stopped queue. The predicate sets the number of queue pairs in use, and is false if there are fewer.
     */
    ControlQueue(final IntPredicate pairs) {
        this.pairs = pairs;
    }

    void start(final RingConfig config, final RingEvents with) {
        final DeviceRing created = DeviceRing.create(config, log, changed);
        created.takeAnswers(answer);
        ring = created;
        events(with);
    }

    /**
     * Stops the queue.
     *
     * @return the position from which it resumes, as in GET_VRING_BASE
     */
    int stop() {
        final int base = ring == null ? 0 : ring.base();
        ring = null;
        events = RingEvents.NONE;
        return base;
    }

    boolean isStarted() {
        return ring != null && ring.fault() == null;
    }

    int base() {
        return started().base();
    }

    private DeviceRing started() {
        assert ring != null : "the queue is started";
        return ring;
    }

    /** Replaces the descriptors, and notifies the driver in case a notification was lost between two of them. */
    void events(final RingEvents with) {
        events = with;
        callAgain = true;
    }

    /** Returns the event that the driver kicks, or null if there is none. */
    @Nullable EventFd kick() {
        return ring == null ? null : events.kick();
    }

    void remap(final GuestMemory memory, final @Nullable RingAddresses addresses) {
        if (ring != null && addresses != null) {
            ring.remap(memory, addresses);
        }
    }

    void translations(final GuestMemory memory, final long first, final long last) {
        if (ring != null) {
            ring.translations(memory, first, last);
        }
    }

    void log(final @Nullable DirtyLog next, final @Nullable EventFd signal) {
        log = next;
        changed = signal;
        if (ring != null) {
            ring.log(next, signal);
        }
    }

    /**
     * Answers the available commands.
     *
     * @return the reason if the ring broke just now; otherwise null
     */
    @Nullable String serve() {
        final DeviceRing served = ring;
        if (served == null || served.fault() != null) {
            return null;
        }
        if (callAgain && events.call() != null) {
            events.call().signal();
        }
        callAgain = false;
        int left = BURST;
        do {
            left -= answerAll(served);
        } while (left > 0 && served.fault() == null && served.armKicks() && !served.isWaiting());
        if (served.translation() != null && events.translations() != null) {
            served.translation().tell(events.translations());
        }
        if (left <= 0 && events.kick() != null) {
            events.kick().signal();
        }
        if (served.fault() != null && events.error() != null) {
            events.error().signal();
        }
        return served.fault();
    }

    private int answerAll(final DeviceRing from) {
        int answered = 0;
        int result = next(from);
        while (result == DeviceRing.TAKEN || result == DeviceRing.BAD) {
            from.use(result == DeviceRing.TAKEN ? acknowledge(from) : 0);
            result = ++answered < BURST ? next(from) : DeviceRing.EMPTY;
        }
        if (answered > 0) {
            from.publish();
            // Makes the used buffers visible before the driver's notification setting is read (virtio 1.2, section
            // 2.7.10).
            Memory.fullFence();
            if (from.wantsNotification() && events.call() != null) {
                events.call().signal();
            }
        }
        return answered;
    }

    private int next(final DeviceRing from) {
        answer.clear();
        command.clear();
        return from.next(command, false);
    }

    /**
     * Carries out the taken command, and writes the answer.
     *
     * @return the number of bytes written
     */
    private int acknowledge(final DeviceRing from) {
        if (answer.count() == 0) {
            return 0;
        }
        Memory.putByte(answer.address(0), carryOut() ? OK : ERROR);
        if (from.log() != null) {
            from.log().written(answer, 1);
        }
        return 1;
    }

    private boolean carryOut() {
        final int length = Math.min(command.totalLength(), HEADER_BYTES + PAIRS_BYTES);
        if (length < HEADER_BYTES) {
            return false;
        }
        command.peek(scratch.address(), length);
        final int which = Memory.getByte(scratch.address()) << 8 | Memory.getByte(scratch.address() + 1) & 0xFF;
        return switch (which) {
            case CLASS_MQ << 8 | VQ_PAIRS_SET ->
                length == HEADER_BYTES + PAIRS_BYTES
                    && pairs.test(Memory.getShort(scratch.address() + HEADER_BYTES) & 0xFFFF);
            case CLASS_ANNOUNCE << 8 | ANNOUNCE_ACK -> true;
            default -> false;
        };
    }
}
