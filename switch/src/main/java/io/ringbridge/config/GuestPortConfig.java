package io.ringbridge.config;

import io.ringbridge.config.Places.Place;
import io.ringbridge.config.PortKey.Disabled;
import io.ringbridge.config.Rule.Given;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.backend.BackendOptions.Mode;
import io.ringbridge.control.backend.Offer;
import io.ringbridge.control.backend.SuspendOptions;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.transport.SocketAccess;
import io.ringbridge.datapath.memory.MemoryFiles;
import io.ringbridge.datapath.packet.MacAddress;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The configuration of a virtual machine's port.
 *
 * @param descriptor the connected socket that the parent process passed, if it did; such a port has no syntax
 */
public record GuestPortConfig(PortValues values, OptionalInt descriptor) implements PortConfig {
    private static final int NO_DESCRIPTOR = -1;

    GuestPortConfig(final PortValues values) {
        this(values, OptionalInt.empty());
    }

    /**
     * Returns the port of a program that serves one front-end on an inherited, connected socket. The front-end chooses
     * the queues and the MTU.
     */
    public static GuestPortConfig inherited(final String name, final int descriptor) {
        final String socket = "fd:" + descriptor;
        final Map<PortKey, Given> given = Map.of(
            PortKey.NAME, Given.of(name),
            PortKey.SOCKET, new Given(Path.of(socket), socket),
            PortKey.MODE, new Given(Mode.DESCRIPTOR, Spelling.word(Mode.DESCRIPTOR)),
            PortKey.QUEUES, Given.of(PortLimits.MAX_QUEUES),
            PortKey.MTU, Given.of(PortLimits.MAX_MTU));
        return new GuestPortConfig(
            PortValues.of(PortKind.VHOST_USER, key -> Optional.ofNullable(given.get(key))), OptionalInt.of(descriptor));
    }

    /** Returns the path of the socket, or {@code fd:N} for an inherited one. */
    @Override
    public String place() {
        return values.get(PortKey.SOCKET, Path.class).toString();
    }

    /** Returns the path of the socket; empty for an inherited one. */
    public Optional<Path> path() {
        return descriptor.isPresent() ? Optional.empty() : values.find(PortKey.SOCKET, Path.class);
    }

    /** Returns the side that opens the socket. */
    public Mode mode() {
        return values.get(PortKey.MODE, Mode.class);
    }

    @Override
    public int queues() {
        return values.get(PortKey.QUEUES, Integer.class);
    }

    /** Returns a copy with another number of queue pairs. */
    public GuestPortConfig withQueues(final int pairs) {
        return new GuestPortConfig(values.with(PortKey.QUEUES, Given.of(pairs)), descriptor);
    }

    /** Returns the length of the longest packet to the guest in bytes, without the Ethernet header. */
    public int mtu() {
        return values.get(PortKey.MTU, Integer.class);
    }

    /** Returns the address that the device offers, as {@code 52:54:00:00:00:01}; empty if the front-end decides. */
    public Optional<String> mac() {
        return values.find(PortKey.MAC, String.class);
    }

    /** Whether the guest may be behind an IOMMU of the front-end. */
    public boolean iommu() {
        return values.isOn(PortKey.IOMMU);
    }

    /** Returns the options of the port's back-end, without a directory for journals. */
    public BackendOptions backend() {
        final BackendOptions all = unpinned();
        return features().map(list -> all.withFeatureMask(all.featureMask() & list.word())).orElse(all);
    }

    /** Returns the options of a back-end that offers all features that its other keys allow. */
    private BackendOptions unpinned() {
        return new BackendOptions(mode(), path().orElse(null), descriptor.orElse(NO_DESCRIPTOR),
            access(),
            ~Offloads.ALL | values.get(PortKey.OFFLOADS, Long.class),
            values.get(PortKey.DISABLED, Disabled.class) == Disabled.DISCARD,
            new SuspendOptions(values.isOn(PortKey.SUSPEND_MESSAGES),
                values.get(PortKey.SUSPEND_FEATURE_BIT, Integer.class)),
            values.get(PortKey.LOG_BASE_REPLY, Integer.class), mac().map(MacAddress::parse).orElse(0L),
            optional(), iommu(), null, values.get(PortKey.MEMORY, MemoryFiles.class));
    }

    /** Returns who may connect to the socket. */
    public SocketAccess access() {
        return new SocketAccess(
            values.find(PortKey.PERMISSIONS, Integer.class).orElse(SocketAccess.DEFAULT.mode()),
            values.find(PortKey.OWNER, String.class).orElse(null),
            values.find(PortKey.GROUP, String.class).orElse(null));
    }

    private long optional() {
        return mask(PortKey.INBAND, ProtocolFeature.INBAND_NOTIFICATIONS)
            | mask(PortKey.DEVICE_STATE, ProtocolFeature.DEVICE_STATE)
            | mask(PortKey.POSTCOPY, ProtocolFeature.PAGEFAULT)
            | mask(PortKey.CROSS_ENDIAN, ProtocolFeature.CROSS_ENDIAN);
    }

    private long mask(final PortKey key, final ProtocolFeature feature) {
        return values.isOn(key) ? feature.mask() : 0;
    }

    private Optional<FeatureList> features() {
        return values.find(PortKey.FEATURES, FeatureList.class);
    }

    /** Refuses features that the port does not offer according to its other keys. */
    void check(final Section section) {
        features().ifPresent(
            list -> list.check(section, PortKey.FEATURES.word(), Offer.virtio(queues(), unpinned())));
    }

    @Override
    public List<Place> places() {
        return path().map(path -> List.of(Place.socket(path.toString()))).orElse(List.of());
    }
}
