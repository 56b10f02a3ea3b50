package io.ringbridge.control.handover;

/**
 * The sections of the hand-over, by the record that they are in. Each class that has state writes its own section and
 * reads it; a section with other sections in it has no fields.
 *
 * <p>A section whose loss a guest or an operator would notice may not be skipped.
 */
public final class HandOverSections {
    /** READY: the process ID of the new process. */
    public static final SectionKind PROCESS = SectionKind.required(1, "process");

    /** REFUSED: the reason, in one line. */
    public static final SectionKind REASON = SectionKind.required(2, "reason");

    /** SWITCH: the ports as in a configuration file, and the path of the API's socket. */
    public static final SectionKind CONFIGURATION = SectionKind.required(3, "configuration");
    /** SWITCH, once per port in the order of the PORT records: its name, and its index in the old process. */
    public static final SectionKind PORT = SectionKind.repeated(4, "port");

    /** PORT of a guest: the listening socket, of a server. */
    public static final SectionKind LISTENER = SectionKind.optional(5, "listener");
    /** PORT of a guest: what the operator has done to the port. */
    public static final SectionKind GUEST_PORT = SectionKind.required(6, "guest port");
    /** PORT of a guest: the sections of the session, if a front-end is connected. */
    public static final SectionKind SESSION = SectionKind.optional(7, "session");
    /** SESSION: the front-end's socket. */
    public static final SectionKind CONNECTION = SectionKind.required(8, "connection");
    /** SESSION: the negotiated features. */
    public static final SectionKind FEATURES = SectionKind.required(9, "features");
    /** SESSION: the guest's memory. */
    public static final SectionKind MEMORY = SectionKind.required(10, "memory");
    /** SESSION: the translations of the IOMMU. */
    public static final SectionKind IOTLB = SectionKind.optional(11, "iotlb");
    /** SESSION: the area in which chains in flight are recorded. */
    public static final SectionKind INFLIGHT = SectionKind.optional(12, "in-flight area");
    /** SESSION: the dirty log. */
    public static final SectionKind DIRTY_LOG = SectionKind.required(13, "dirty log");
    /** SESSION: the device status and the suspension. */
    public static final SectionKind STATUS = SectionKind.required(14, "status");
    /** SESSION: the configuration space. */
    public static final SectionKind CONFIGURATION_SPACE = SectionKind.required(15, "configuration space");
    /** SESSION, without fields: the guest's address is to be announced when the port resumes. */
    public static final SectionKind ANNOUNCEMENT = SectionKind.optional(16, "announcement").skippable();
    /** SESSION: the socket for requests to the front-end, and those that wait. */
    public static final SectionKind CHANNEL = SectionKind.optional(17, "channel");
    /** SESSION: the setup that all rings share. */
    public static final SectionKind RINGS = SectionKind.required(18, "rings");
    /** SESSION, once per ring that the front-end has named: its setup. */
    public static final SectionKind VRING = SectionKind.repeated(19, "vring");

    /** PORT of an uplink: the failure of the device, if it has failed. */
    public static final SectionKind UPLINK = SectionKind.required(20, "uplink");
    /** PORT of a tap: the properties of the port that outlive the device. */
    public static final SectionKind TAP = SectionKind.required(21, "tap");
    /** PORT of a tap: the queues of the open device. */
    public static final SectionKind TAP_QUEUES = SectionKind.optional(22, "tap queues");
    /** PORT of an interface: the packet socket, if it is open. */
    public static final SectionKind INTERFACE = SectionKind.optional(23, "interface");
    /** PORT of capture files: the open files. */
    public static final SectionKind CAPTURE = SectionKind.optional(24, "capture");

    /** STATIONS and POSITIONS: entries of the forwarding table. */
    public static final SectionKind STATIONS = SectionKind.required(25, "stations");

    /** POSITIONS, once per port in the order of the PORT records: the sections of the port. */
    public static final SectionKind POSITIONS = SectionKind.repeated(26, "positions");
    /** POSITIONS of any port: its counters, which start again if a reader skips them. */
    public static final SectionKind COUNTERS = SectionKind.optional(27, "counters").skippable();
    /** POSITIONS of a guest's port: the positions of the started rings; none if the session is about to end. */
    public static final SectionKind RING_POSITIONS = SectionKind.optional(28, "ring positions");
    /** POSITIONS of an uplink: frames that were read from the device, but not taken by the worker. */
    public static final SectionKind FRAMES = SectionKind.optional(29, "frames");
    /** POSITIONS of capture files: the position in the replay. */
    public static final SectionKind REPLAY = SectionKind.optional(30, "replay");

    /** SERVING: the time at which frames moved again. */
    public static final SectionKind SERVING = SectionKind.required(31, "serving");

    /** POSITIONS of any port: its latest interruptions, which are forgotten if a reader skips them. */
    public static final SectionKind INTERRUPTIONS = SectionKind.optional(32, "interruptions").skippable();

    /** SWITCH, once per mirror: its configuration. Without it, only mirrors of the new configuration begin. */
    public static final SectionKind MIRROR = SectionKind.repeated(33, "mirror").skippable();
    /** POSITIONS, once per mirror: its counters, which start again if a reader skips them. */
    public static final SectionKind MIRROR_COUNTERS = SectionKind.repeated(34, "mirror counters").skippable();

    private HandOverSections() {
    }
}
