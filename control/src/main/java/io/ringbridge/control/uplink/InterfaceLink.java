package io.ringbridge.control.uplink;

import io.ringbridge.control.event.PortEvents;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.os.NetDevice;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.PacketSocket;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.UplinkPort;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.List;
import java.util.Optional;

/**
 * Keeps the network interface of a port open, and follows its MTU. If the interface is set down or removed, the port
 * fails until it is back.
 *
 * <p>No frame written to the interface comes back: the kernel does not deliver a packet socket's own frames to it, and
 * there is one socket per port. In a hand-over, the other process receives the socket with its unread frames.
 */
public final class InterfaceLink extends DeviceLink {
    private static final Logger LOG = LoggerFactory.getLogger(InterfaceLink.class);

    private final PcapOptions options;
    private final NetDevice device;
    private Optional<InterfaceDevice> opened = Optional.empty();
    private int merging;
    private long unfinished;

    private InterfaceLink(final UplinkPort port, final PcapOptions options, final PortEvents events) {
        super(port, events, "interface " + options.device(), HandOverSections.INTERFACE);
        this.options = options;
        final String name = options.device();
        assert name != null : "the port is for an interface";
        device = new NetDevice(name);
    }

    /**
     * Opens the interface, and starts to move frames.
     *
     * @param port a detached port with one queue that nobody else commands
     * @throws OsException if the interface cannot be opened
     */
    public static InterfaceLink start(final UplinkPort port, final PcapOptions options, final PortEvents events) {
        final InterfaceLink link = new InterfaceLink(port, options, events);
        link.startThread();
        return link;
    }

    /**
     * Restores a link that another process saved.
     *
     * @param port a new, suspended port
     * @throws RuntimeException if that fails; nothing stays open then
     */
    public static InterfaceLink adopt(final UplinkPort port, final PcapOptions options, final PortEvents events,
                                      final StateReader in) {
        final InterfaceLink link = new InterfaceLink(port, options, events);
        link.adopt(in.sections(HandOverSections.UPLINK, HandOverSections.INTERFACE));
        return link;
    }

    @Override
    void saveDevice(final StateWriter out) {
        out.number(merging).descriptor(opened.orElseThrow().fd());
    }

    @Override
    void adoptDevice(final StateReader in) {
        merging = in.number();
        attach(PacketSocket.adopt(in.descriptor()));
    }

    private void attach(final PacketSocket socket) {
        final InterfaceDevice attached = new InterfaceDevice(socket);
        try {
            followMtu(device.mtu());
            port().attach(List.of(attached), true);
        } catch (final RuntimeException e) {
            attached.close();
            throw e;
        }
        opened = Optional.of(attached);
    }

    @Override
    public void start() {
        // The kernel has kept the unread frames.
    }

    @Override
    void open() {
        if (!device.exists()) {
            throw failure("no such interface");
        }
        if (!device.isEthernet()) {
            throw failure("it is not an Ethernet interface; only those are supported");
        }
        if (!device.isUp()) {
            throw failure(down());
        }
        final PacketSocket socket;
        try {
            socket = PacketSocket.open(device, options.direction(), options.ringBytes(),
                options.snapLength() > 0 ? options.snapLength() : Integer.MAX_VALUE);
        } catch (final OsException e) {
            throw failure(String.valueOf(e.getMessage()));
        }
        merging = device.merging();
        device.merging(0);
        try {
            attach(socket);
        } catch (final RuntimeException e) {
            device.merging(merging);
            throw e;
        }
        if (socket.bufferBytes() < options.ringBytes()) {
            LOG.warn("port {}: interface {}: the receive buffer has {} bytes instead of {}; grant CAP_NET_ADMIN or"
                + " raise net.core.rmem_max", port().name(), options.device(), socket.bufferBytes(),
                options.ringBytes());
        }
    }

    private OsException failure(final String why) {
        return new OsException(message(why));
    }

    private String message(final String why) {
        return "interface " + options.device() + ": " + why;
    }

    private String down() {
        return "it is down; set it up with: ip link set " + options.device() + " up";
    }

    @Override
    void shut(final boolean forGood) {
        opened.ifPresent(attached -> {
            attached.takeLost(port()::lost);
            attached.close();
        });
        opened = Optional.empty();
        if (forGood) {
            device.merging(merging);
        }
    }

    @Override
    boolean canReopen() {
        return device.exists();
    }

    @Override
    boolean follow() {
        opened.ifPresent(attached -> attached.takeLost(port()::lost));
        warnOfUnfinished();
        if (!device.isUp()) {
            port().fail(message(device.exists() ? down() : "it is gone"));
            return false;
        }
        followMtu(device.mtu());
        return true;
    }

    /** A pulled cable, or a veth peer that is down, does not fail the port. */
    @Override
    boolean hasCarrier() {
        return device.isRunning();
    }

    private void warnOfUnfinished() {
        final long count = port().statistics().drops().getOrDefault(DropReason.UNFINISHED, 0L);
        if (unfinished == 0 && count > 0) {
            LOG.warn("port {}: interface {}: dropped packets that a sender on this machine left unfinished; on the"
                + " sender, or on the other end of the veth pair, run: ethtool -K PEER gso off tso off",
                port().name(), options.device());
        }
        unfinished = count;
    }
}
