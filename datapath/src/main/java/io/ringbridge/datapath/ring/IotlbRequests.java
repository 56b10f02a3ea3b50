package io.ringbridge.datapath.ring;

/** Where a ring behind an IOMMU asks the front-end for what it lacks. Called by the worker that owns the ring; does not block. */
public interface IotlbRequests {
    /**
     * Asks for the entry that holds an address.
     *
     * @param access what the device wants to do there, as in {@link io.ringbridge.datapath.memory.Iotlb}
     */
    void missing(long address, int access);

    /** Tells that the device may not do what its driver wants it to. */
    void denied(long address, int access);
}
