package io.ringbridge.control.backend.ring;

import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.IotlbRequests;
import org.jspecify.annotations.Nullable;

import java.util.concurrent.atomic.AtomicReference;

/**
 * Passes one ring's requests to the front-end's IOMMU from the ring's worker to the channel's thread.
 *
 * <p>A ring waits for one translation at a time, so there is room for one. A worker never waits for the front-end to
 * read. A refused request is reported to the port.
 */
final class TranslationRequests implements IotlbRequests, BackendChannel.Source {
    private final GuestPort port;
    private final int vring;
    private final EventFd event;
    private final AtomicReference<Message.@Nullable Iotlb> missing = new AtomicReference<>();
    private final AtomicReference<Message.@Nullable Iotlb> denied = new AtomicReference<>();

    /** Creates the requests. The channel owns their event, so they must not be used after it is closed. */
    TranslationRequests(final BackendChannel channel, final GuestPort port, final int vring) {
        this.port = port;
        this.vring = vring;
        final EventFd created = channel.event(this);
        assert created != null : "the front-end has provided a channel";
        event = created;
    }

    @Override
    public void missing(final long address, final int access) {
        missing.set(new Message.Iotlb(address, 0, 0, access, Message.Iotlb.MISS));
        event.signal();
    }

    @Override
    public void denied(final long address, final int access) {
        denied.set(new Message.Iotlb(address, 0, 0, access, Message.Iotlb.ACCESS_FAIL));
        event.signal();
    }

    @Override
    public @Nullable Outgoing next() {
        final Message.Iotlb refused = denied.getAndSet(null);
        if (refused != null) {
            event.signal(); // there may be another
            return request(refused);
        }
        final Message.Iotlb wanted = missing.getAndSet(null);
        if (wanted == null) {
            return null;
        }
        return new Outgoing(BackendRequest.IOTLB_MSG, Codec.encode(wanted), refusal -> {
            if (refusal != 0 && vring < 2 * port.queuePairs()) {
                port.refuseTranslation(vring, wanted.address(), wanted.permissions());
            }
        });
    }

    /** Returns a request to the front-end's IOMMU that ignores the acknowledgement. */
    static Outgoing request(final Message.Iotlb message) {
        return new Outgoing(BackendRequest.IOTLB_MSG, Codec.encode(message), _ -> { });
    }
}
