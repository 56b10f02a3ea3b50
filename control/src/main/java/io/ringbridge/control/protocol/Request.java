package io.ringbridge.control.protocol;

import org.jspecify.annotations.Nullable;

import static io.ringbridge.control.protocol.Range.between;
import static io.ringbridge.control.protocol.Range.exactly;
import static io.ringbridge.control.protocol.Request.Reply.ACK;
import static io.ringbridge.control.protocol.Request.Reply.ALWAYS;

/**
 * The requests of a front-end: the specification as a table (vhost-user, "Front-end message types").
 *
 * <p>If the specification gives fewer bytes than the C structure that front-ends send, both sizes are allowed. The
 * numbers 41 and 42 have two meanings each; {@link #of} distinguishes them by size and descriptors.
 */
public enum Request {
    GET_FEATURES(1, exactly(0), exactly(0), null, ALWAYS),
    SET_FEATURES(2, exactly(8), exactly(0), null, ACK),
    SET_OWNER(3, exactly(0), exactly(0), null, ACK),
    RESET_OWNER(4, exactly(0), exactly(0), null, ACK),
    SET_MEM_TABLE(5, between(8, 8 + 32 * 8), between(0, 8), null, ACK),
    SET_LOG_BASE(6, between(8, 16), between(0, 1), ProtocolFeature.LOG_SHMFD, ALWAYS),
    SET_LOG_FD(7, exactly(0), exactly(1), null, ACK),
    SET_VRING_NUM(8, exactly(8), exactly(0), null, ACK),
    SET_VRING_ADDR(9, exactly(40), exactly(0), null, ACK),
    SET_VRING_BASE(10, exactly(8), exactly(0), null, ACK),
    GET_VRING_BASE(11, exactly(8), exactly(0), null, ALWAYS),
    SET_VRING_KICK(12, exactly(8), between(0, 1), null, ACK),
    SET_VRING_CALL(13, exactly(8), between(0, 1), null, ACK),
    SET_VRING_ERR(14, exactly(8), between(0, 1), null, ACK),
    GET_PROTOCOL_FEATURES(15, exactly(0), exactly(0), null, ALWAYS),
    SET_PROTOCOL_FEATURES(16, exactly(8), exactly(0), null, ACK),
    GET_QUEUE_NUM(17, exactly(0), exactly(0), ProtocolFeature.MQ, ALWAYS),
    SET_VRING_ENABLE(18, exactly(8), exactly(0), null, ACK),
    SEND_RARP(19, exactly(8), exactly(0), ProtocolFeature.RARP, ACK),
    NET_SET_MTU(20, exactly(8), exactly(0), ProtocolFeature.MTU, ACK),
    SET_BACKEND_REQ_FD(21, exactly(0), exactly(1), ProtocolFeature.BACKEND_REQ, ACK),
    IOTLB_MSG(22, between(26, 32), exactly(0), ProtocolFeature.BACKEND_REQ, ALWAYS),
    SET_VRING_ENDIAN(23, exactly(8), exactly(0), ProtocolFeature.CROSS_ENDIAN, ACK),
    GET_CONFIG(24, between(12, 12 + 256), exactly(0), ProtocolFeature.CONFIG, ALWAYS),
    SET_CONFIG(25, between(12, 12 + 256), exactly(0), ProtocolFeature.CONFIG, ACK),
    CREATE_CRYPTO_SESSION(26, between(0, 4096), exactly(0), ProtocolFeature.CRYPTO_SESSION, ALWAYS),
    CLOSE_CRYPTO_SESSION(27, exactly(8), exactly(0), ProtocolFeature.CRYPTO_SESSION, ACK),
    POSTCOPY_ADVISE(28, exactly(0), exactly(0), ProtocolFeature.PAGEFAULT, ALWAYS),
    POSTCOPY_LISTEN(29, exactly(0), exactly(0), ProtocolFeature.PAGEFAULT, ACK),
    POSTCOPY_END(30, exactly(0), exactly(0), ProtocolFeature.PAGEFAULT, ALWAYS),
    GET_INFLIGHT_FD(31, between(20, 24), exactly(0), ProtocolFeature.INFLIGHT_SHMFD, ALWAYS),
    SET_INFLIGHT_FD(32, between(20, 24), exactly(1), ProtocolFeature.INFLIGHT_SHMFD, ACK),
    GPU_SET_SOCKET(33, exactly(0), exactly(1), null, ACK),
    RESET_DEVICE(34, exactly(0), exactly(0), ProtocolFeature.RESET_DEVICE, ACK),
    VRING_KICK(35, exactly(8), exactly(0), ProtocolFeature.INBAND_NOTIFICATIONS, ACK),
    GET_MAX_MEM_SLOTS(36, exactly(0), exactly(0), ProtocolFeature.CONFIGURE_MEM_SLOTS, ALWAYS),
    /** In postcopy, also without a descriptor, as the confirmation of the back-end's reply. */
    ADD_MEM_REG(37, between(8, 40), between(0, 1), ProtocolFeature.CONFIGURE_MEM_SLOTS, ACK),
    /** One descriptor is tolerated, and closed. In postcopy, QEMU also sends it as a confirmation. */
    REM_MEM_REG(38, between(8, 40), between(0, 1), ProtocolFeature.CONFIGURE_MEM_SLOTS, ACK),
    SET_STATUS(39, exactly(8), exactly(0), ProtocolFeature.STATUS, ACK),
    GET_STATUS(40, exactly(0), exactly(0), ProtocolFeature.STATUS, ALWAYS),
    GET_SHARED_OBJECT(41, exactly(16), exactly(0), ProtocolFeature.SUSPEND, ALWAYS),
    SET_DEVICE_STATE_FD(42, exactly(8), exactly(1), ProtocolFeature.DEVICE_STATE, ALWAYS),
    CHECK_DEVICE_STATE(43, exactly(0), exactly(0), ProtocolFeature.DEVICE_STATE, ALWAYS),
    GET_SHMEM_CONFIG(44, exactly(0), exactly(0), ProtocolFeature.SHMEM, ALWAYS),
    GET_VRING_BASE_SKIP_DRAIN(45, exactly(8), exactly(0), ProtocolFeature.GET_VRING_BASE_SKIP_DRAIN, ALWAYS),
    /** Shares its number with GET_SHARED_OBJECT. */
    SUSPEND(41, exactly(0), exactly(0), ProtocolFeature.SUSPEND, ACK),
    /** Shares its number with SET_DEVICE_STATE_FD. */
    RESUME(42, exactly(0), exactly(0), ProtocolFeature.SUSPEND, ACK);

    /** The reply to a request. */
    public enum Reply {
        /** An acknowledgement, if the front-end requests one and REPLY_ACK is negotiated. */
        ACK,
        /** A payload of the request's own, whether requested or not. */
        ALWAYS
    }

    private static final Request[] BY_ID = new Request[46];

    static {
        for (final Request request : values()) {
            if (BY_ID[request.id] == null) {
                BY_ID[request.id] = request;
            }
        }
    }

    private final int id;
    private final int minPayload;
    private final int maxPayload;
    private final int minDescriptors;
    private final int maxDescriptors;
    private final @Nullable ProtocolFeature needs;
    private final Reply reply;

    Request(final int id, final Range payload, final Range descriptors, final @Nullable ProtocolFeature needs,
            final Reply reply) {
        this.id = id;
        minPayload = payload.min();
        maxPayload = payload.max();
        minDescriptors = descriptors.min();
        maxDescriptors = descriptors.max();
        this.needs = needs;
        this.reply = reply;
    }

    /**
     * Returns the request that a header stands for.
     *
     * @param id the number in the header
     * @param size the size of the payload in bytes
     * @param descriptors the number of descriptors that arrived with it
     * @return null if the number is not assigned
     */
    public static @Nullable Request of(final int id, final int size, final int descriptors) {
        if (size == 0 && descriptors == 0) {
            if (id == SUSPEND.id) {
                return SUSPEND;
            }
            if (id == RESUME.id) {
                return RESUME;
            }
        }
        return id > 0 && id < BY_ID.length ? BY_ID[id] : null;
    }

    public int id() {
        return id;
    }

    /** Returns the allowed sizes of the payload in bytes. */
    public Range payload() {
        return between(minPayload, maxPayload);
    }

    /** Returns the allowed numbers of descriptors. */
    public Range descriptors() {
        return between(minDescriptors, maxDescriptors);
    }

    /** Returns the protocol feature that the request requires, or null. */
    public @Nullable ProtocolFeature needs() {
        return needs;
    }

    public Reply reply() {
        return reply;
    }
}
