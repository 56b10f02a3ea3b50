package io.ringbridge.datapath.ring;

/** Sends a ring's IOTLB messages to the front-end. The worker that owns the ring calls it; no method blocks. */
public interface IotlbRequests {
    /**
     * Requests the IOTLB entry that contains an address.
     *
     * @param access the access that the device needs, as in {@link io.ringbridge.datapath.memory.Iotlb}
     */
    void missing(long address, int access);

    /** Reports an access that the driver asked for and its IOTLB entry does not allow. */
    void denied(long address, int access);
}
