package io.ringbridge.control.protocol;

import static io.ringbridge.control.protocol.Range.between;
import static io.ringbridge.control.protocol.Range.exactly;

/**
 * The requests of a back-end, sent over the socket from SET_BACKEND_REQ_FD (vhost-user, "Back-end message types").
 */
public enum BackendRequest {
    IOTLB_MSG(1, between(26, 32), exactly(0)),
    CONFIG_CHANGE_MSG(2, exactly(0), exactly(0)),
    VRING_HOST_NOTIFIER_MSG(3, exactly(24), between(0, 1)),
    VRING_CALL(4, exactly(8), exactly(0)),
    VRING_ERR(5, exactly(8), exactly(0)),
    SHARED_OBJECT_ADD(6, exactly(16), exactly(0)),
    SHARED_OBJECT_REMOVE(7, exactly(16), exactly(0)),
    SHARED_OBJECT_LOOKUP(8, exactly(16), exactly(0)),
    SHMEM_MAP(9, exactly(40), exactly(1)),
    SHMEM_UNMAP(10, exactly(40), exactly(0));

    private final int id;
    private final int minPayload;
    private final int maxPayload;
    private final int minDescriptors;
    private final int maxDescriptors;

    BackendRequest(final int id, final Range payload, final Range descriptors) {
        this.id = id;
        minPayload = payload.min();
        maxPayload = payload.max();
        minDescriptors = descriptors.min();
        maxDescriptors = descriptors.max();
    }

    public int id() {
        return id;
    }

    public Range payload() {
        return between(minPayload, maxPayload);
    }

    public Range descriptors() {
        return between(minDescriptors, maxDescriptors);
    }
}
