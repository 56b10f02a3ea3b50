package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.InflightRegion;
import io.ringbridge.datapath.ring.MissingPage;
import io.ringbridge.datapath.ring.Owner;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import org.jspecify.annotations.Nullable;

/**
 * A parked ring: it is started but does not run. Its port is suspended, it waits to be enabled, or a part of it is in a
 * page that has not arrived. It is a ring that has run and keeps its position, or the configuration of a new one. Only
 * {@link #ring} touches the guest's memory.
 *
 * <p>Changed on the owning worker's thread only.
 */
final class ParkedRing {
    private @Nullable RingConfig config;
    private @Nullable DeviceRing ring;
    private volatile boolean lacksParts;
    private @Nullable MissingPage missing;

    private ParkedRing(final @Nullable RingConfig config, final @Nullable DeviceRing ring) {
        this.config = config;
        this.ring = ring;
    }

    /** Parks a ring that has run. No chain may be in flight. */
    static ParkedRing of(final DeviceRing ring) {
        return new ParkedRing(null, ring);
    }

    /** Parks a new ring, which will be created when it may run. */
    static ParkedRing of(final RingConfig config) {
        return new ParkedRing(config, null);
    }

    /** Returns the configuration of a ring that has not run. */
    private RingConfig config() {
        assert config != null : "a ring that has run needs no configuration";
        return config;
    }

    /**
     * Whether all parts of the ring have arrived. If not, the first missing page is requested. The parts of a ring that
     * has run are present: while pages may be missing, a ring that moves is created again.
     */
    boolean isPresent(final int vring) {
        if (ring == null && missing == null) {
            missing = config().missingPage();
        }
        if (ring == null && missing != null) {
            lacksParts = !config().isPresent(missing);
            missing.request(vring);
        } else {
            lacksParts = false;
        }
        return !lacksParts;
    }

    /** Whether a part of the ring was missing at the last attempt to run it. Any thread may call. */
    boolean lacksParts() {
        return lacksParts;
    }

    /** Assumes that a requested page has arrived. */
    void pageArrived() {
        final MissingPage waited = ring == null ? missing : ring.missingPage();
        if (waited != null) {
            waited.arrived();
        }
    }

    /** Returns the ring, ready to run and with this log. A new ring is created here, and gets its owner. */
    DeviceRing ring(final Owner owner, final @Nullable DirtyLog log, final @Nullable EventFd changed) {
        if (ring == null) {
            ring = DeviceRing.create(config(), log, changed);
            ring.setOwner(owner);
            ring.suppressKicks();
        } else {
            ring.log(log, changed);
        }
        return ring;
    }

    /** Whether the ring has run, so that its position is known. */
    boolean ran() {
        return ring != null;
    }

    /** Returns the position, as in GET_VRING_BASE; for a ring that never ran, its configured base. */
    int base() {
        return ring == null ? config().base() : ring.base();
    }

    void remap(final GuestMemory memory, final RingAddresses addresses) {
        if (ring == null) {
            missing = null;
            final RingConfig old = config();
            config = new RingConfig(old.size(), old.features(), addresses, old.base(), memory, old.inflight(),
                old.bigEndian());
        } else {
            ring.remap(memory, addresses);
        }
    }

    void addTranslations(final GuestMemory memory, final long first, final long last) {
        if (ring == null) {
            remap(memory, config().addresses());
        } else {
            ring.translations(memory, first, last);
        }
    }

    /** Refuses a translation that the ring requested while it ran. */
    void refuseTranslation(final long address, final int access) {
        if (ring != null && ring.translation() != null) {
            ring.translation().refuse(address, access);
        }
    }

    /** Whether the record of the ring's chains in flight, if any, is fully accessible. Costs system calls. */
    boolean intact() {
        if (ring != null) {
            return ring.intact();
        }
        final InflightRegion record = config().inflight();
        return record == null || record.area().intact();
    }

    /** Whether all parts of the ring are accessible. Costs system calls. */
    boolean partsAreAccessible() {
        return ring == null ? config().partsAreAccessible() : ring.partsAreAccessible();
    }

    int size() {
        return ring == null ? config().size() : ring.size();
    }

    String layout() {
        return ring != null ? ring.layout()
            : Features.has(config().features(), Features.RING_PACKED) ? "packed" : "split";
    }
}
