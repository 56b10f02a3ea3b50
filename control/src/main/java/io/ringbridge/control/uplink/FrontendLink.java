package io.ringbridge.control.uplink;

import io.ringbridge.control.event.EventKind;
import io.ringbridge.control.event.PortEvents;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.TransportException;
import io.ringbridge.datapath.driver.DriverDevice;
import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.memory.MemoryException;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.ring.Features;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Keeps a port attached to a back-end: the switch is the front-end and the driver. The port's thread sets up the
 * session, so a back-end that does not answer delays nothing but its own port. While the port is attached, the thread
 * waits for the end of the connection, and a worker moves the frames.
 *
 * <p>The back-end gets a memory file of the switch, whose size it cannot change, and nothing else of the switch. If it
 * is not there, goes away or breaks the rules, the link tries again after a pause, which grows from one second to eight
 * and is short again after a session that lasted.
 *
 * <p>In a hand-over, the other process attaches anew. Frames that the back-end has not taken are lost then.
 */
public final class FrontendLink extends DeviceLink {
    /** Entries of each ring. QEMU allows receive rings of this size, so every back-end should. */
    private static final int RING_SIZE = 1024;
    /** Room for a packet of 64 KiB, with its headers, in the 65600 bytes that an uplink's frame may have. */
    private static final int WHOLE_PACKET = 65600;
    /** Room for a packet of 1500 bytes. Longer frames take several buffers. An odd number of cache lines. */
    private static final int MERGEABLE_BUFFER = 1600;
    private static final long SHORTEST_PAUSE_MILLIS = 1000;
    private static final long LONGEST_PAUSE_MILLIS = 8000;
    /** A session of this duration was worth its set-up. */
    private static final long LASTING_MILLIS = 10_000;

    private volatile FrontendOptions options;
    /** The session, from the time at which its set-up begins. */
    private volatile @Nullable Frontend frontend;
    private volatile boolean attached;
    private volatile long features;
    /** Of {@link System#nanoTime}. */
    private long nextAttempt = System.nanoTime();
    private long attachedSince;
    private long pauseMillis = SHORTEST_PAUSE_MILLIS;
    private boolean over;

    private FrontendLink(final UplinkPort port, final FrontendOptions options, final PortEvents events) {
        super(port, events, "back-end " + options.socket(), null);
        this.options = options;
    }

    /**
     * Prepares a link. It connects once it is {@linkplain #serve served}.
     *
     * @param port a detached port that nobody else commands
     * @throws TransportException if no socket can have the path
     */
    public static FrontendLink start(final UplinkPort port, final FrontendOptions options, final PortEvents events) {
        Connection.checkPath(options.socket());
        port.mtu(options.mtu());
        return new FrontendLink(port, options, events);
    }

    /**
     * Restores a link that another process saved, without its session.
     *
     * @param port a new, suspended port
     */
    public static FrontendLink adopt(final UplinkPort port, final FrontendOptions options, final PortEvents events,
                                     final StateReader in) {
        final FrontendLink link = start(port, options, events);
        link.adopt(in.sections(HandOverSections.UPLINK));
        return link;
    }

    /** Changes the options. The socket stays. The MTU changes at once, the rest with the next session. */
    public void change(final FrontendOptions to) {
        options = to;
        port().mtu(to.mtu());
    }

    /** Returns the virtio features of the session, or 0 without a session. Any thread may call. */
    public long features() {
        return features;
    }

    @Override
    void saveDevice(final StateWriter out) {
        throw new AssertionError("a session is not handed over");
    }

    @Override
    void adoptDevice(final StateReader in) {
        throw new AssertionError("a session is not handed over");
    }

    @Override
    public void start() {
        // The session begins when the link is served.
    }

    @Override
    void open() {
        final FrontendOptions wanted = options;
        try {
            final Frontend connected = Frontend.connect(wanted.socket());
            frontend = connected;
            if (!isServing()) { // after the write of the field; pairs with hurry
                throw new IOException("the link is about to pause or to end");
            }
            setUp(connected, wanted);
            attached = true;
            attachedSince = System.nanoTime();
            over = false;
        } catch (final IOException | ProtocolException | TransportException | OsException | MemoryException
                 | IllegalStateException e) {
            shut(true);
            throw new OsException(message(String.valueOf(e.getMessage())));
        }
    }

    private String message(final String why) {
        return "back-end " + options.socket() + ": " + why;
    }

    private void setUp(final Frontend connected, final FrontendOptions wanted) throws IOException {
        final int most = port().queues().size();
        final long accepted = connected.negotiate(offered -> wanted.choose(offered, most),
            ProtocolFeature.of(ProtocolFeature.MQ, ProtocolFeature.REPLY_ACK, ProtocolFeature.MTU,
                ProtocolFeature.STATUS));
        if (!FrontendOptions.suffice(accepted)) {
            throw new IOException("it does not offer version_1 and protocol_features, which are needed");
        }
        final int pairs = Features.has(accepted, Features.MQ)
            ? Math.clamp(connected.maxVrings(), 1, most) : 1;
        final QueueShape transmitting = new QueueShape(RING_SIZE, WHOLE_PACKET);
        final QueueShape receiving = new QueueShape(RING_SIZE,
            Features.has(accepted, Features.MRG_RXBUF) ? MERGEABLE_BUFFER : WHOLE_PACKET);
        connected.share(GuestRam.sealed("ringbridge-frontend", pairs * QueuePair.bytes(transmitting, receiving)));
        if (ProtocolFeature.MTU.in(connected.protocolFeatures())) {
            connected.command(new Message.NetSetMtu(wanted.mtu()));
        }
        final List<DriverDevice> devices = new ArrayList<>();
        for (int i = 0; i < pairs; i++) {
            devices.add(new DriverDevice(connected.addPair(transmitting, receiving), accepted));
        }
        connected.start();
        port().attach(devices, true);
        features = accepted; // last: whoever sees them may rely on the queues
        final String layout = Features.has(accepted, Features.RING_PACKED) ? "packed" : "split";
        events().report(EventKind.ATTACHED, "attached to " + message(connected.peer() + ", " + pairs
            + (pairs == 1 ? " queue pair, " : " queue pairs, ") + layout),
            Map.of("queues", pairs, "layout", layout));
    }

    @Override
    void shut(final boolean forGood) {
        final Frontend ended = frontend;
        final boolean lasted = attached
            && System.nanoTime() - attachedSince > TimeUnit.MILLISECONDS.toNanos(LASTING_MILLIS);
        features = 0;
        attached = false;
        frontend = null;
        if (ended != null) {
            ended.close();
        }
        pauseMillis = lasted ? SHORTEST_PAUSE_MILLIS : pauseMillis;
        nextAttempt = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(pauseMillis);
        pauseMillis = Math.min(2 * pauseMillis, LONGEST_PAUSE_MILLIS);
    }

    /** Waits for the back-end's end while the port is attached, and else for the next attempt. */
    @Override
    void rest() throws InterruptedException {
        final Frontend session = frontend;
        if (session != null) {
            over = !session.isAttachedStill();
        } else {
            sleep(Math.max(0, TimeUnit.NANOSECONDS.toMillis(nextAttempt - System.nanoTime()) + 1));
        }
    }

    @Override
    boolean follow() {
        if (over) {
            port().fail(message("it closed the connection, or sent what nobody asked for"));
        }
        return !over;
    }

    @Override
    boolean canReopen() {
        return System.nanoTime() - nextAttempt >= 0;
    }

    /** Ends a set-up, which could take long. An attached session only ends with the link. */
    @Override
    void hurry(final boolean ending) {
        final Frontend session = frontend;
        if (session != null && (ending || !attached)) {
            session.shutdown();
        }
    }
}
