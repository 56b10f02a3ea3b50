package io.ringbridge.control.backend;

import io.ringbridge.control.backend.migration.Migration;
import io.ringbridge.control.backend.ring.PeerEvent;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Outcome;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Descriptors;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.Features;

/**
 * Carries out the requests of one front-end on its device (vhost-user, "Front-end message types").
 *
 * <p>Owned by the session's thread.
 */
final class Requests {
    private static final long FAILED = 1;

    private final GuestPort port;
    private final Device device;

    Requests(final GuestPort port, final Device device) {
        this.port = port;
        this.device = device;
    }

    /**
     * Carries out a request.
     *
     * @param descriptors those that arrived with it; the caller closes those that are not taken
     * @return the outcome, which the caller closes
     * @throws ProtocolException if the request cannot be accepted
     */
    Outcome carryOut(final Message message, final Descriptors descriptors) {
        return switch (message) {
            case Message.GetFeatures _ -> Outcome.number(device.negotiation.offered());
            case Message.SetFeatures m -> done(() -> setFeatures(m.features()));
            case Message.SetOwner _ -> Outcome.DONE; // nothing depends on it
            case Message.ResetOwner _ -> done(device.suspension::resetOwner);
            case Message.SetMemTable m -> device.memory.setMemTable(m.regions(), descriptors);
            case Message.SetLogBase m -> new Outcome.Reply(device.log.setLogBase(m, descriptors));
            case Message.SetLogFd _ ->
                done(() -> device.log.setLogFd(device.relay.notification(descriptors.take(0))));
            case Message.SetVringNum m -> done(() -> device.rings.setVringNum(m.index(), m.num()));
            case Message.SetVringAddr m -> done(() -> device.rings.setVringAddr(m));
            case Message.SetVringBase m -> done(() -> device.rings.setVringBase(m.index(), m.num()));
            case Message.SetVringEndian m -> done(() -> device.rings.setVringEndian(m.index(), m.num()));
            case Message.GetVringBase m -> getVringBase(m.index());
            case Message.SetVringFd m -> done(() -> setVringFd(m, descriptors));
            case Message.GetProtocolFeatures _ -> Outcome.number(device.negotiation.offeredProtocol());
            case Message.SetProtocolFeatures m -> done(() -> setProtocolFeatures(m.features()));
            case Message.GetQueueNum _ -> Outcome.number(device.rings.limit());
            case Message.SetVringEnable m -> done(() -> device.rings.setVringEnable(m.index(), m.num()));
            case Message.SendRarp m -> done(() -> device.migration.sendRarp(m.address()));
            case Message.NetSetMtu m -> done(() -> netSetMtu(m.mtu()));
            case Message.SetBackendReqFd _ -> done(() -> setBackendReqFd(descriptors));
            case Message.Config m when m.request() == Request.GET_CONFIG -> getConfig(m);
            case Message.Config m -> done(() -> device.config.setConfig(m));
            case Message.VringKick m -> done(() -> device.rings.vringKick(m.index(), m.num()));
            case Message.ResetDevice _ -> done(device::reset);
            case Message.InflightFd m when m.request() == Request.GET_INFLIGHT_FD -> getInflightFd(m);
            case Message.InflightFd m ->
                done(() -> device.inflight.setInflightFd(m, descriptors, device.rings.anyRunning()));
            case Message.GetMaxMemSlots _ -> Outcome.number(GuestMemory.MAX_REGIONS);
            case Message.AddMemReg m -> device.memory.addMemReg(m.region(), descriptors);
            case Message.RemMemReg m -> done(() -> device.memory.remMemReg(m.region()));
            case Message.MemoryConfirmed m -> done(() -> device.memory.confirm(m.result()));
            case Message.PostcopyAdvise _ -> new Outcome.Reply(new byte[0], device.postcopy.advise());
            case Message.PostcopyListen _ -> done(device.memory::postcopyListen);
            case Message.PostcopyEnd _ -> Outcome.number(device.memory.postcopyEnd() ? 0 : FAILED);
            case Message.SetStatus m ->
                done(() -> device.suspension.setStatus(m.status(), device.negotiation.features()));
            case Message.GetStatus _ -> Outcome.number(device.suspension.status());
            case Message.Suspend _ -> done(device.suspension::suspend);
            case Message.Resume _ -> done(device.suspension::resume);
            case Message.GetSharedObject m -> new Outcome.Reply(Codec.encode(m)); // there are none to enclose
            case Message.SetDeviceStateFd m -> Outcome.number(
                device.migration.setDeviceStateFd(m, descriptors.take(0), device.rings.anyRunning()));
            case Message.CheckDeviceState _ -> checkDeviceState();
            case Message.Iotlb m -> Outcome.number(device.iommu.iotlbMsg(m) ? 0 : FAILED);
            case Message.Unserved _ -> throw ProtocolException.refused("not offered");
        };
    }

    private static Outcome done(final Runnable request) {
        request.run();
        return Outcome.DONE;
    }

    private void setFeatures(final long wanted) {
        device.negotiation.setFeatures(wanted, device.rings.anyRunning());
        port.features(wanted);
        device.log.setWanted(Features.has(wanted, Features.LOG_ALL));
        device.rings.setFeatures(wanted, device.negotiation.startsEnabled());
    }

    private void setProtocolFeatures(final long wanted) {
        device.negotiation.setProtocolFeatures(wanted);
        if (!ProtocolFeature.STATUS.in(wanted)) {
            device.suspension.forgetStatus();
        }
        device.applyChannel();
    }

    private Outcome getVringBase(final int index) {
        device.suspension.onRingStop(device.rings.anyRunning());
        return new Outcome.Reply(Codec.vringState(index, device.rings.getVringBase(index)));
    }

    private void setVringFd(final Message.SetVringFd message, final Descriptors descriptors) {
        device.rings.setVringFd(message.request(), message.index(),
            message.hasDescriptor() ? event(message.request(), descriptors.take(0)) : null);
    }

    private PeerEvent event(final Request request, final int fd) {
        return request == Request.SET_VRING_KICK ? device.relay.kick(fd) : device.relay.notification(fd);
    }

    private void netSetMtu(final long mtu) {
        if (device.config.setMtu(mtu)) {
            device.reportConfigChange();
        }
    }

    private void setBackendReqFd(final Descriptors descriptors) {
        device.setChannel(ConnectedChannel.over(descriptors.take(0),
            device.negotiation.has(ProtocolFeature.REPLY_ACK), port.name(), device.suspension::silences,
            device.trace));
    }

    /** Returns the requested bytes, or none if the request is wrong (vhost-user, "VHOST_USER_GET_CONFIG"). */
    private Outcome getConfig(final Message.Config request) {
        return new Outcome.Reply(device.config.getConfig(request).map(Codec::encode).orElse(new byte[0]));
    }

    private Outcome getInflightFd(final Message.InflightFd wanted) {
        try (MemFd area = device.inflight.getInflightFd(wanted, device.negotiation.mayBePacked())) {
            final Message created =
                new Message.InflightFd(wanted.request(), area.size(), 0, wanted.queues(), wanted.queueSize());
            return new Outcome.Reply(Codec.encode(created), Fd.duplicate(area.fd()));
        }
    }

    private Outcome checkDeviceState() {
        final Migration.Result result = device.migration.checkDeviceState();
        if (result == Migration.Result.CHANGED) {
            device.reportConfigChange();
        }
        return Outcome.number(result == Migration.Result.FAILED ? FAILED : 0);
    }
}
