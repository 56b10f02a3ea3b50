package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.MissingPage;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;

/**
 * A ring that is started and does not run, since its port is suspended: one that ran before, with its position, or what one is to be
 * made of; or one of which a part is in memory that is still on its way. Nothing here but {@link #ring} touches the guest's memory.
 *
 * <p>Changed on the owning worker's thread only.
 */
final class HeldRing {
    private RingConfig config;
    private DeviceRing ring;
    private volatile boolean lacksParts;
    private MissingPage missing;

    private HeldRing(final RingConfig config, final DeviceRing ring) {
        this.config = config;
        this.ring = ring;
    }

    /** A ring that ran, with no chain out. */
    static HeldRing of(final DeviceRing ring) {
        return new HeldRing(null, ring);
    }

    /** A ring that is to be made when it may run. */
    static HeldRing of(final RingConfig config) {
        return new HeldRing(config, null);
    }

    /**
     * Whether all parts of the ring are in memory; what is not is asked for. One that ran has its parts; while pages may be missing it is
     * made anew rather than moved.
     */
    boolean isThere(final int vring) {
        if (ring == null && config.memory().incoming() != null) {
            if (missing == null) {
                missing = config.missingPage();
            }
            lacksParts = !config.isPresent(missing);
            missing.request(vring);
        } else {
            lacksParts = false;
        }
        return !lacksParts;
    }

    /** Whether it was to run, and a part of it was not in memory. Any thread may ask. */
    boolean lacksParts() {
        return lacksParts;
    }

    /** Takes a page that was asked for as come. */
    void pageCame() {
        final MissingPage waited = ring == null ? missing : ring.missingPage();
        if (waited != null) {
            waited.arrived();
        }
    }

    /** The ring, to run now and to log as said; made if there is none yet. */
    DeviceRing ring(final DirtyLog log, final EventFd changed) {
        if (ring == null) {
            ring = DeviceRing.create(config, log, changed);
            ring.suppressKicks();
        } else {
            ring.log(log, changed);
        }
        return ring;
    }

    /** Whether it has run, so that it is known where it goes on. */
    boolean ran() {
        return ring != null;
    }

    /** Where it goes on, as in GET_VRING_BASE; of a ring that never ran, the base it was given. */
    int base() {
        return ring == null ? config.base() : ring.base();
    }

    void remap(final GuestMemory memory, final RingAddresses addresses) {
        if (ring == null) {
            missing = null;
            config = new RingConfig(config.size(), config.features(), addresses, config.base(), memory, config.inflight(),
                config.bigEndian());
        } else {
            ring.remap(memory, addresses);
        }
    }

    void translations(final GuestMemory memory, final long first, final long last) {
        if (ring == null) {
            remap(memory, config.addresses());
        } else {
            ring.translations(memory, first, last);
        }
    }

    /** Says that a translation the ring asked for, while it ran, is not to be had. */
    void refuseTranslation(final long address, final int access) {
        if (ring != null && ring.translation() != null) {
            ring.translation().refuse(address, access);
        }
    }

    /** Whether the record of its chains in flight, if there is one, is all there. Costs system calls. */
    boolean intact() {
        return ring != null ? ring.intact() : config.inflight() == null || config.inflight().area().intact();
    }

    /** Whether all parts of the ring can be touched. Costs system calls. */
    boolean partsAreAccessible() {
        return ring == null ? config.partsAreAccessible() : ring.partsAreAccessible();
    }

    int size() {
        return ring == null ? config.size() : ring.size();
    }

    String layout() {
        return ring != null ? ring.layout() : Features.has(config.features(), Features.RING_PACKED) ? "packed" : "split";
    }
}
