package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.ring.Features;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** The effect of every request in every state of the device. */
final class StateTable {
    static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);
    static final long WITH_STATUS_BIT = PLAIN | Features.of(Features.SUSPEND);
    /** The device status before DRIVER_OK and with it, and the bit that suspends. */
    static final int READY = 0x0B;
    static final int RUNS = 0x0F;
    static final int SUSPEND_BIT = 0x10;
    private static final int DRIVER_OK = 4;

    /** Optional features; their requests would otherwise be refused in any state. */
    static final List<ProtocolFeature> OPTIONAL =
        List.of(ProtocolFeature.INBAND_NOTIFICATIONS, ProtocolFeature.CROSS_ENDIAN, ProtocolFeature.DEVICE_STATE);
    static final long PROTOCOL = TestPeer.PROTOCOL | OPTIONAL.stream().mapToLong(ProtocolFeature::mask).sum();
    /** The size in bytes of the file for a dirty log or an in-flight area. */
    static final int AREA = 1 << 16;

    /**
     * The states of a port with a front-end. In all but the last, the front-end has started both rings of a pair, and
     * the driver is running.
     */
    enum State {
        RUNNING, BY_FRONT_END, BY_DRIVER, BY_BOTH, BY_OPERATOR,
        /** Every ring is stopped, without SUSPEND. */
        ALL_STOPPED,
        /** Every ring is stopped after SUSPEND. */
        SUSPENDED_AND_STOPPED,
        /** The driver is running, and no ring was set up. */
        CONNECTED
    }

    /**
     * A request, and the resulting state from each state in turn: {@code R} running, {@code S} suspended, {@code C}
     * connected. A lower-case letter means that the request is refused, {@code x} that it ends the connection.
     *
     * @param before the requests that are sent first in that state, and acknowledged
     */
    record Row(List<Message> before, Message message, String outcomes) {
        Row(final Message message, final String outcomes) {
            this(List.of(), message, outcomes);
        }
    }

    private static final String UNCHANGED = "RSSSSSSC";
    private static final String REFUSED = "rssssssc";
    private static final String WHILE_STOPPED = "rssssSSC";
    private static final String FATAL = "xxxxxxxx";
    private static final Message.Region ANOTHER = new Message.Region(0, 4096, 0, 0);

    private static final List<Message> DRIVER_RESET = List.of(new Message.SetStatus(0));
    private static final List<Message> OWNER_RESET = List.of(new Message.ResetOwner());

    static final List<Row> SUSPENSION = List.of(
        new Row(new Message.Suspend(), "SSSSSSSS"),
        new Row(List.of(new Message.Suspend()), new Message.Suspend(), "SSSSSSSS"),
        new Row(new Message.Resume(), "RRSSSSSC"),
        new Row(List.of(new Message.Resume()), new Message.Resume(), "RRSSSSSC"),
        new Row(List.of(new Message.Suspend()), new Message.Resume(), "RRSSSSSC"),
        new Row(new Message.SetStatus(0), "CCCCSCCC"),
        new Row(DRIVER_RESET, new Message.Resume(), "CCCCSCCC"),
        new Row(DRIVER_RESET, new Message.SetStatus(READY), "CCCCSCCC"),
        new Row(DRIVER_RESET, new Message.SetStatus(READY | SUSPEND_BIT), "SSSSSSSS"),
        new Row(DRIVER_RESET, new Message.SetVringFd(Request.SET_VRING_KICK, 1, true), "CCCCSCCC"),
        new Row(DRIVER_RESET, new Message.VringKick(1, 0), "CCCCSCCC"),
        new Row(DRIVER_RESET, new Message.SetStatus(RUNS), "RRRRSCCC"),
        new Row(DRIVER_RESET, new Message.SetStatus(DRIVER_OK), "RRRRSCCC"),
        new Row(new Message.SetStatus(READY), "CSSSSSSC"),
        new Row(new Message.SetStatus(RUNS | SUSPEND_BIT), "SSRSSSSS"),
        new Row(new Message.SetStatus(RUNS), "RSRSSSSC"),
        new Row(new Message.SetStatus(READY | SUSPEND_BIT), "SSSSSSSS"),
        new Row(new Message.SetStatus(SUSPEND_BIT), "SSSSSSSS"),
        new Row(new Message.GetStatus(), UNCHANGED),
        new Row(new Message.ResetOwner(), "RCCCSCCC"),
        new Row(OWNER_RESET, new Message.Resume(), "RRRRSCCC"),
        new Row(OWNER_RESET, new Message.SetStatus(READY), "CCCCSCCC"),
        new Row(OWNER_RESET, new Message.SetVringFd(Request.SET_VRING_KICK, 1, true), "RCCCSRCC"),
        new Row(OWNER_RESET, new Message.VringKick(1, 0), "RCCCSRCC"),
        new Row(OWNER_RESET, new Message.SetStatus(RUNS), "RRRRSCCC"),
        new Row(new Message.ResetDevice(), "CCCCSCCC"));

    static final List<Row> RINGS = List.of(
        new Row(new Message.SetVringFd(Request.SET_VRING_KICK, 1, true), "RSSSSRSC"),
        new Row(new Message.SetVringFd(Request.SET_VRING_KICK, 1, false), "RSSSSRSC"),
        new Row(new Message.VringKick(1, 0), "RSSSSRSC"),
        new Row(new Message.VringKick(1, 1), REFUSED),
        new Row(new Message.SetVringFd(Request.SET_VRING_CALL, 1, true), UNCHANGED),
        new Row(new Message.SetVringFd(Request.SET_VRING_ERR, 1, true), UNCHANGED),
        new Row(new Message.SetVringEnable(1, 0), UNCHANGED),
        new Row(new Message.SetVringEnable(1, 1), UNCHANGED),
        new Row(new Message.SetVringEnable(1, 2), REFUSED),
        new Row(new Message.GetVringBase(0), UNCHANGED),
        new Row(List.of(new Message.GetVringBase(1)), new Message.GetVringBase(0), "SSSSSSSC"),
        new Row(new Message.GetVringBase(5), FATAL),
        new Row(new Message.SetVringNum(1, 256), WHILE_STOPPED),
        new Row(new Message.SetVringBase(1, 0), WHILE_STOPPED),
        new Row(new Message.SetVringEndian(1, 0), WHILE_STOPPED),
        new Row(TestPeer.address(1), UNCHANGED));

    static final List<Row> MEMORY = List.of(
        new Row(TestPeer.table(), UNCHANGED),
        new Row(new Message.AddMemReg(ANOTHER), UNCHANGED),
        new Row(new Message.RemMemReg(ANOTHER), REFUSED),
        new Row(List.of(new Message.AddMemReg(ANOTHER)), new Message.RemMemReg(ANOTHER), UNCHANGED),
        // the rings in the region are stopped, which the acknowledgement reports
        new Row(new Message.RemMemReg(TestPeer.table().regions().getFirst()), "cssssSSc"),
        new Row(new Message.GetMaxMemSlots(), UNCHANGED),
        new Row(new Message.Iotlb(0, 4096, 0, 3, Message.Iotlb.UPDATE), REFUSED),
        new Row(new Message.SetLogBase(AREA, 0), UNCHANGED),
        new Row(new Message.SetLogBase(2 * AREA, 0), FATAL),
        new Row(new Message.SetLogFd(), UNCHANGED),
        new Row(new Message.InflightFd(Request.GET_INFLIGHT_FD, 0, 0, 2, 256), UNCHANGED),
        new Row(new Message.InflightFd(Request.SET_INFLIGHT_FD, AREA, 0, 2, 256), WHILE_STOPPED));

    static final List<Row> DEVICE = List.of(
        new Row(new Message.GetFeatures(), UNCHANGED),
        new Row(new Message.SetFeatures(WITH_STATUS_BIT), UNCHANGED),
        new Row(new Message.SetFeatures(WITH_STATUS_BIT | Features.of(Features.LOG_ALL)), UNCHANGED),
        new Row(new Message.SetFeatures(PLAIN), WHILE_STOPPED),
        new Row(new Message.GetProtocolFeatures(), UNCHANGED),
        new Row(new Message.SetProtocolFeatures(PROTOCOL), UNCHANGED),
        new Row(new Message.SetOwner(), UNCHANGED),
        new Row(new Message.GetQueueNum(), UNCHANGED),
        new Row(new Message.NetSetMtu(1500), UNCHANGED),
        new Row(new Message.NetSetMtu(1400), UNCHANGED),
        new Row(new Message.NetSetMtu(67), REFUSED),
        new Row(config(Request.GET_CONFIG, 0), UNCHANGED),
        new Row(config(Request.SET_CONFIG, 0), REFUSED),
        new Row(config(Request.SET_CONFIG, 1), UNCHANGED),
        new Row(new Message.SetBackendReqFd(), UNCHANGED),
        new Row(new Message.SendRarp(0x070000005452L), UNCHANGED),
        new Row(new Message.SendRarp(0), REFUSED),
        new Row(new Message.GetSharedObject(1, 2), UNCHANGED),
        new Row(new Message.SetDeviceStateFd(0, 0), WHILE_STOPPED),
        new Row(new Message.CheckDeviceState(), REFUSED),
        new Row(List.of(new Message.SetDeviceStateFd(0, 0)), new Message.CheckDeviceState(), WHILE_STOPPED),
        new Row(new Message.Unserved(Request.CREATE_CRYPTO_SESSION), REFUSED),
        new Row(new Message.Unserved(Request.CLOSE_CRYPTO_SESSION), REFUSED),
        new Row(new Message.Unserved(Request.GPU_SET_SOCKET), REFUSED),
        new Row(new Message.Unserved(Request.GET_SHMEM_CONFIG), REFUSED),
        new Row(new Message.Unserved(Request.GET_VRING_BASE_SKIP_DRAIN), REFUSED));

    /** The requests of postcopy. They need PAGEFAULT, which the system has to permit. */
    static final List<Row> POSTCOPY = List.of(
        new Row(new Message.PostcopyAdvise(), UNCHANGED),
        new Row(new Message.PostcopyListen(), REFUSED),
        new Row(List.of(new Message.PostcopyAdvise()), new Message.PostcopyListen(), "rssssssC"),
        new Row(new Message.PostcopyEnd(), REFUSED),
        new Row(List.of(new Message.PostcopyAdvise()), new Message.PostcopyEnd(), UNCHANGED));

    private StateTable() {
    }

    /** Returns a request for the two bytes of the MTU in the configuration space. */
    private static Message.Config config(final Request request, final int flags) {
        return new Message.Config(request, 10, 2, flags, ByteBuffer.wrap(new byte[] {0x78, 5}));
    }

    static List<Row> rows() {
        final List<Row> rows = new ArrayList<>(SUSPENSION);
        rows.addAll(RINGS);
        rows.addAll(MEMORY);
        rows.addAll(DEVICE);
        rows.addAll(POSTCOPY);
        return rows;
    }

    /** Returns options that offer all features except PAGEFAULT, which excludes memory slots. */
    static BackendOptions options(final BackendOptions plain) {
        BackendOptions all = plain;
        for (final ProtocolFeature feature : OPTIONAL) {
            all = all.with(feature);
        }
        return all;
    }
}
