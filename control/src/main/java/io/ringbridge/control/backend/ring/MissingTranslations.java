package io.ringbridge.control.backend.ring;

import io.ringbridge.control.protocol.Message;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The translations that one ring behind an IOMMU needs to start. Owned by the session's thread. */
final class MissingTranslations {
    private static final Logger LOG = LoggerFactory.getLogger(MissingTranslations.class);

    private final VringSetup setup;
    private final SharedSetup shared;
    private final Set<Message.Iotlb> requested = new HashSet<>();
    /** Whether the IOMMU maps some part of the ring to non-contiguous memory. */
    private boolean scattered;

    MissingTranslations(final VringSetup setup, final SharedSetup shared) {
        this.setup = setup;
        this.shared = shared;
    }

    /** Requests each translation that is missing once, and none while the port is suspended. */
    void request() {
        final List<Message.Iotlb> lacking = setup.lacking(shared.translations());
        if (lacking.isEmpty() && !scattered && setup.place(shared.memory()) == null) {
            scattered = true;
            LOG.warn("port {}: vring {} cannot run: each of its parts must be contiguous in the front-end's memory, and"
                + " aligned", shared.queues().port().name(), setup.index());
        } else if (shared.queues().port().suspendedBy().isEmpty()) {
            requested.retainAll(lacking);
            lacking.stream().filter(requested::add)
                .forEach(wanted -> shared.requests().post(TranslationRequests.request(wanted)));
        }
    }

    /** Forgets the requests, so that they are made again. */
    void clear() {
        requested.clear();
    }
}
