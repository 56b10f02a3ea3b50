package io.ringbridge.config;

import io.ringbridge.config.PcapPortConfig.Speed;
import io.ringbridge.config.Rule.Given;
import io.ringbridge.config.Rule.Value;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.backend.BackendOptions.Mode;
import io.ringbridge.control.backend.SuspendOptions;
import io.ringbridge.control.transport.SocketAccess;
import io.ringbridge.control.uplink.PcapOptions;
import io.ringbridge.datapath.memory.MemoryFiles;
import io.ringbridge.datapath.os.PacketSocket.Direction;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.ring.Features;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import static io.ringbridge.config.PortKind.BACKEND;
import static io.ringbridge.config.PortKind.PCAP;
import static io.ringbridge.config.PortKind.TAP;
import static io.ringbridge.config.PortKind.VHOST_USER;

/**
 * The keys of a port: the kinds of ports that have the key, its value with its rule and its default, and a line of
 * help.
 *
 * <p>Configurations, {@code --port} and the API are read by this table. {@code show config}, the help and the messages
 * are written from it, in its order. A test compares {@code docs/configuration.md} with it.
 */
@SuppressWarnings("ImmutableEnumChecker") // the rules and conditions are records, and no set is changed
public enum PortKey {
    NAME("name", all(), Rules.NAME.required(), "unique in the switch"),
    TYPE("type", all(), Rules.KIND.or(VHOST_USER), "the kind of port"),
    DESCRIPTION("description", all(), Rules.DESCRIPTION.optional("none"), "what the port is for"),

    SOCKET("socket", Set.of(VHOST_USER), Rules.SOCKET.required(), "Unix socket of the front-end"),
    MODE("mode", Set.of(VHOST_USER), Rules.choice(List.of(Mode.SERVER, Mode.CLIENT)).or(Mode.SERVER),
        "server: the switch listens"),
    BACKEND_SOCKET("socket", Set.of(BACKEND), Rules.SOCKET.required(), "Unix socket of the back-end"),
    DEVICE("device", Set.of(TAP), Rules.DEVICE.required(), "tap device"),
    QUEUES("queues", Set.of(VHOST_USER), Rules.integer(1, PortLimits.MAX_QUEUES).or(1), "queue pairs"),
    TAP_QUEUES("queues", Set.of(TAP), Rules.integer(1, PortLimits.MAX_QUEUES).or(1), "queues of the device"),
    BACKEND_QUEUES("queues", Set.of(BACKEND), Rules.integer(1, PortLimits.MAX_QUEUES).or(1),
        "most queue pairs to use"),
    MTU("mtu", Set.of(VHOST_USER), Rules.integer(PortLimits.MIN_MTU, PortLimits.MAX_MTU).or(PortLimits.DEFAULT_MTU),
        "longest packet to the guest"),
    TAP_MTU("mtu", Set.of(TAP), Rules.integer(PortLimits.MIN_MTU, PortLimits.MAX_MTU).optional("the device's"),
        "MTU to set"),
    BACKEND_MTU("mtu", Set.of(BACKEND),
        Rules.integer(PortLimits.MIN_MTU, PortLimits.MAX_MTU).or(PortLimits.DEFAULT_MTU),
        "longest packet to the back-end"),
    PERMISSIONS("permissions", Set.of(VHOST_USER), Rules.PERMISSIONS.or(SocketAccess.DEFAULT.mode()),
        "of the socket; with mode=server",
        Condition.IN_MODE_SERVER),
    OWNER("owner", Set.of(VHOST_USER), Rules.USER.optional("the user of the switch"),
        "of the socket; with mode=server", Condition.IN_MODE_SERVER),
    GROUP("group", Set.of(VHOST_USER), Rules.GROUP.optional("the group of the switch"),
        "of the socket; with mode=server", Condition.IN_MODE_SERVER),
    SUSPEND_MESSAGES("suspend-messages", Set.of(VHOST_USER), Rules.FLAG.or(SuspendOptions.DEFAULT.messages()),
        "offer SUSPEND"),
    SUSPEND_FEATURE_BIT("suspend-feature-bit", Set.of(VHOST_USER),
        Rules.integer(Features.SUSPEND_DRAFT, Features.SUSPEND).or(SuspendOptions.DEFAULT.featureBit()),
        "bit of virtio's SUSPEND"),
    OFFLOADS("offloads", Set.of(VHOST_USER), new Offloads().or(Offloads.ALL), "offloads to offer"),
    BACKEND_OFFLOADS("offloads", Set.of(BACKEND), new Offloads().or(Offloads.ALL), "offloads to accept"),
    MAC("mac", Set.of(VHOST_USER), Rules.MAC.optional("none"), "address to offer to the guest"),
    INBAND("inband", Set.of(VHOST_USER), Rules.FLAG.or(false), "offer INBAND_NOTIFICATIONS"),
    DEVICE_STATE("device-state", Set.of(VHOST_USER), Rules.FLAG.or(false), "offer DEVICE_STATE"),
    POSTCOPY("postcopy", Set.of(VHOST_USER), Rules.FLAG.or(false), "offer PAGEFAULT"),
    IOMMU("iommu", Set.of(VHOST_USER), Rules.FLAG.or(false), "offer ACCESS_PLATFORM"),
    CROSS_ENDIAN("cross-endian", Set.of(VHOST_USER), Rules.FLAG.or(false), "offer CROSS_ENDIAN"),
    MEMORY("memory", Set.of(VHOST_USER), Rules.choice(List.of(MemoryFiles.values())).or(MemoryFiles.RAM),
        "files accepted as guest memory"),
    LOG_BASE_REPLY("log-base-reply", Set.of(VHOST_USER),
        Rules.either(BackendOptions.SHORT_LOG_BASE_REPLY, BackendOptions.DEFAULT_LOG_BASE_REPLY)
            .or(BackendOptions.DEFAULT_LOG_BASE_REPLY), "length of SET_LOG_BASE's reply"),
    DISABLED("disabled", Set.of(VHOST_USER),
        Rules.choice(List.of(Disabled.values())).or(Disabled.DISCARD), "frames of a disabled ring"),
    FEATURES("features", Set.of(VHOST_USER), FeatureList.RULE.optional("all"), "virtio features to offer"),
    BACKEND_FEATURES("features", Set.of(BACKEND), FeatureList.RULE.optional("all"), "virtio features to accept"),

    PERSIST("persist", Set.of(TAP), Rules.FLAG.or(false), "keep a device that was created"),
    MASTER("master", Set.of(TAP), Rules.DEVICE.optional("none"), "kernel bridge to add the device to"),
    UP("up", Set.of(TAP), Rules.FLAG.or(true), "set the device up"),

    INTERFACE("interface", Set.of(PCAP), Rules.DEVICE.optional("none"), "network interface, unless read or write"),
    DIRECTION("direction", Set.of(PCAP), Rules.choice(List.of(Direction.values())).or(Direction.IN),
        "frames to take from the interface", Condition.WITH_INTERFACE),
    RING_SIZE("ring-size", Set.of(PCAP), Rules.integer(PortLimits.MIN_CAPTURE_RING, PortLimits.MAX_CAPTURE_RING)
        .or(PcapOptions.DEFAULT_RING_BYTES), "bytes of kernel buffer", Condition.WITH_INTERFACE),
    READ("read", Set.of(PCAP), Rules.CAPTURE.optional("none"), "capture to replay", Condition.WITHOUT_INTERFACE),
    SPEED("speed", Set.of(PCAP), Rules.choice(List.of(Speed.values())).or(Speed.RECORDED), "pace of the replay",
        new Condition(values -> values.has(PortKey.READ), "not allowed without a capture to read")),
    WRITE("write", Set.of(PCAP), Rules.CAPTURE.optional("none"), "capture to record to", Condition.WITHOUT_INTERFACE),
    SNAPLEN("snaplen", Set.of(PCAP),
        Rules.integer(PortLimits.MIN_SNAPLEN, PortLimits.MAX_SNAPLEN).optional("the whole frame"),
        "bytes of a frame to keep"),

    VLAN("vlan", all(), Rules.integer(PortVlan.MIN, PortVlan.MAX).optional("none"), "VLAN of untagged frames"),
    TRUNK("trunk", all(), new Trunk().optional("none"), "VLANs of tagged frames"),
    GROUP_FORWARD("group-forward", all(), new GroupForward().or(0, "none"), "reserved groups to relay");

    /** The treatment of frames in a started, disabled transmit ring. */
    enum Disabled { DISCARD, HOLD }

    /** The keys whose values are free text, which may need quotes in YAML. */
    public static final Set<String> FREE_TEXT = Arrays.stream(values()).filter(key -> key.value.rule().isFreeText())
        .map(PortKey::word).collect(Collectors.toUnmodifiableSet());

    /** The time at which a port that runs adopts a new value of a key. */
    public enum Adoption {
        /** At once. */
        NOW("now"),
        /** With the next session of the port: the present one keeps what it has negotiated. */
        NEGOTIATION("at the next negotiation"),
        /** Never: the port has to be removed and added again. */
        NEVER("never");

        private final String when;

        Adoption(final String when) {
            this.when = when;
        }

        /** Returns the time in words. */
        public String when() {
            return when;
        }
    }

    /** The keys that a port has for life. Neither a change nor an upgrade can change them. */
    private static final Set<PortKey> FIXED = EnumSet.of(NAME, TYPE, SOCKET, BACKEND_SOCKET, MODE, PERMISSIONS, OWNER,
        GROUP, DEVICE, TAP_QUEUES, BACKEND_QUEUES, PERSIST, MASTER, UP, INTERFACE, DIRECTION, RING_SIZE, READ, SPEED,
        WRITE, SNAPLEN);

    /** The keys that are not negotiated. */
    private static final Set<PortKey> LIVE = EnumSet.of(DESCRIPTION, MTU, TAP_MTU, BACKEND_MTU, VLAN, TRUNK,
        GROUP_FORWARD);

    /** The keys that {@code show config} shows even if they have their default. */
    private static final Set<PortKey> SHOWN =
        EnumSet.of(TYPE, MODE, QUEUES, TAP_QUEUES, BACKEND_QUEUES, MTU, BACKEND_MTU, PERMISSIONS, PERSIST, UP,
            DIRECTION, RING_SIZE);

    private final String word;
    private final Set<PortKind> kinds;
    private final Value<?> value;
    private final String help;
    private final Condition condition;

    PortKey(final String word, final Set<PortKind> kinds, final Value<?> value, final String help) {
        this(word, kinds, value, help, Condition.NONE);
    }

    PortKey(final String word, final Set<PortKind> kinds, final Value<?> value, final String help,
            final Condition condition) {
        this.word = word;
        this.kinds = kinds;
        this.value = value;
        this.help = help;
        this.condition = condition;
    }

    /**
     * A condition that a port's other values have to meet.
     *
     * @param refusal the message if they do not
     */
    private record Condition(Predicate<PortValues> holds, String refusal) {
        static final Condition NONE = new Condition(_ -> true, "");
        static final Condition IN_MODE_SERVER =
            new Condition(values -> values.get(MODE, Mode.class) == Mode.SERVER,
                "not allowed in mode client, in which the front-end creates the socket; allowed in mode server");
        static final Condition WITH_INTERFACE =
            new Condition(values -> values.has(INTERFACE), "not allowed without an interface");
        static final Condition WITHOUT_INTERFACE =
            new Condition(values -> !values.has(INTERFACE), "not allowed with an interface");
    }

    private static Set<PortKind> all() {
        return EnumSet.allOf(PortKind.class);
    }

    /** Returns the keys of a kind of port. */
    public static List<PortKey> of(final PortKind kind) {
        return Arrays.stream(values()).filter(key -> key.kinds.contains(kind)).toList();
    }

    /** Returns the words of the keys that a port which runs can adopt. */
    public static List<String> changeable() {
        return Arrays.stream(values()).filter(key -> key.adoption() != Adoption.NEVER).map(PortKey::word).distinct()
            .toList();
    }

    /** Returns the words of a kind's keys. */
    static List<String> words(final PortKind kind) {
        return of(kind).stream().map(PortKey::word).toList();
    }

    /** Returns the words of all keys, those of guests first. */
    static List<String> words() {
        return Stream.of(PortKind.values()).flatMap(kind -> words(kind).stream()).distinct().toList();
    }

    /** Returns the key as written in configurations and output. */
    public String word() {
        return word;
    }

    /** Whether ports of every kind have the key. */
    public boolean isCommon() {
        return kinds.equals(all());
    }

    /** Returns the time at which a port that runs adopts a new value. */
    public Adoption adoption() {
        return FIXED.contains(this) ? Adoption.NEVER : LIVE.contains(this) ? Adoption.NOW : Adoption.NEGOTIATION;
    }

    /** Returns a pattern of the allowed values, for the help. */
    public String syntax() {
        return value.rule().syntax();
    }

    /** Returns the allowed values, for messages and for the documentation. */
    public String allowed() {
        return value.rule().allowed();
    }

    /** Returns the default, the meaning of an absent key, or {@code required}. */
    public String otherwise() {
        return value.otherwise();
    }

    /** Returns the meaning of the key, for the help. */
    public String help() {
        return help;
    }

    /** Whether a port without the key has a value all the same. */
    public boolean hasDefault() {
        return value.fallback().isPresent();
    }

    /** Whether a port without the key is refused. */
    public boolean isRequired() {
        return value.isRequired();
    }

    Optional<Given> fallback() {
        return value.fallback();
    }

    Optional<Given> read(final Section section) {
        return value.read(section, word);
    }

    /** Returns the reason why the key cannot be given with a port's other values, if there is one. */
    Optional<String> refusal(final PortValues values) {
        return condition.holds().test(values) ? Optional.empty() : Optional.of(condition.refusal());
    }

    /** Whether {@code show config} shows a value. */
    boolean isShown(final Given given) {
        return SHOWN.contains(this) || !Optional.of(given).equals(value.fallback());
    }
}
