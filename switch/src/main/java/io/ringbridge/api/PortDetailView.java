package io.ringbridge.api;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import org.jspecify.annotations.Nullable;

import java.util.List;

/**
 * Everything about one port, as shown by {@code show port}.
 *
 * @param port the members of the port's list entry
 * @param frontEnd the attached front-end; absent if there is none
 * @param memory the regions of the guest's memory that the rings use, by ascending guest address
 * @param rings the queues of the port, started or not
 * @param dropReasons the reasons for which frames were dropped
 */
public record PortDetailView(@JsonUnwrapped PortView port, @Nullable FrontEnd frontEnd, List<Region> memory,
                             List<Ring> rings, List<Drop> dropReasons) {
    /**
     * A front-end.
     *
     * @param since the time at which it attached; absent if it attached to another process, before an upgrade
     */
    public record FrontEnd(String process, @Nullable String since, List<String> protocolFeatures, long kicks) {
    }

    /**
     * A region of guest memory.
     *
     * @param guestAddress the start as a hexadecimal number
     * @param size in bytes
     */
    public record Region(String guestAddress, long size) {
    }

    /**
     * A queue.
     *
     * @param position the next available descriptor or ring index to take; absent if the ring is not started
     */
    public record Ring(@JsonUnwrapped QueueView queue, @Nullable Integer position) {
    }

    /**
     * The frames dropped for one reason.
     *
     * @param meaning a description for people
     */
    public record Drop(String reason, long frames, String meaning) {
    }
}
