package io.ringbridge.datapath.os;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * A network device in the network namespace of this process, identified by its name. Every call opens and closes its
 * own socket, so any thread may call.
 */
public final class NetDevice {
    /** The most bytes of a name: {@code IFNAMSIZ} without the terminating zero. */
    public static final int MAX_NAME = 15;

    /** The kernel merges packets (generic receive offload). */
    public static final int GRO = 1;
    /** The device merges packets (large receive offload). */
    public static final int LRO = 2;

    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM_CLOEXEC = 0x80002;
    private static final long SIOCGIFFLAGS = 0x8913;
    private static final long SIOCSIFFLAGS = 0x8914;
    private static final long SIOCGIFMTU = 0x8921;
    private static final long SIOCSIFMTU = 0x8922;
    private static final long SIOCGIFINDEX = 0x8933;
    private static final long SIOCGIFHWADDR = 0x8927;
    private static final int ARPHRD_ETHER = 1;
    private static final int ARPHRD_LOOPBACK = 772;
    private static final long SIOCDEVPRIVATE = 0x89F0;
    private static final long SIOCETHTOOL = 0x8946;
    private static final int ETHTOOL_GFLAGS = 0x25;
    private static final int ETHTOOL_SFLAGS = 0x26;
    private static final int ETHTOOL_GGRO = 0x2B;
    private static final int ETHTOOL_SGRO = 0x2C;
    private static final int ETH_FLAG_LRO = 1 << 15;
    private static final int FLAG_LRO_OR_ERROR = Integer.MIN_VALUE | ETH_FLAG_LRO;
    private static final long SIOCBRADDIF = 0x89A2;
    private static final long BRCTL_GET_PORT_LIST = 7;
    private static final int MAX_BRIDGE_PORTS = 1024;
    private static final int IFF_RUNNING = 0x40;
    private static final int IFF_UP = 1;
    private static final int REQUEST_BYTES = 40;
    private static final int VALUE = 16;

    private final String name;

    /** Names a device, which need not exist. */
    public NetDevice(final String name) {
        this.name = name;
    }

    /** Returns a {@code struct ifreq}: the name, followed by a value. */
    static MemorySegment request(final SegmentAllocator allocator, final String name, final int value) {
        final byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > MAX_NAME) {
            throw new OsException("device name " + name + " has " + bytes.length + " bytes; at most " + MAX_NAME
                + " are allowed");
        }
        final MemorySegment request = allocator.allocate(REQUEST_BYTES, 8);
        MemorySegment.copy(bytes, 0, request, ValueLayout.JAVA_BYTE, 0, bytes.length);
        request.set(ValueLayout.JAVA_INT, VALUE, value);
        return request;
    }

    /** Returns the value in an answer, if it has at most 32 bits. */
    static int value(final MemorySegment answer) {
        return answer.get(ValueLayout.JAVA_INT, VALUE);
    }

    /** Whether the device exists. */
    public boolean exists() {
        return call(SIOCGIFINDEX, 0) >= 0;
    }

    /** Returns the device's index, or a negative number if the device does not exist. */
    int index() {
        return call(SIOCGIFINDEX, 0);
    }

    /** Whether the device exists and is up. */
    public boolean isUp() {
        final int flags = call(SIOCGIFFLAGS, 0);
        return flags >= 0 && (flags & IFF_UP) != 0;
    }

    /** Whether the device's frames have Ethernet headers. */
    public boolean isEthernet() {
        final int type = call(SIOCGIFHWADDR, 0) & 0xFFFF;
        return type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK;
    }

    /** Returns the MTU, or a negative number if the device does not exist. */
    public int mtu() {
        return call(SIOCGIFMTU, 0);
    }

    /** Sets the MTU. */
    public void mtu(final int mtu) {
        final int rc = call(SIOCSIFMTU, mtu);
        if (rc < 0) {
            throw new OsException("mtu " + mtu + " of device " + name
                + (rc == -Libc.EINVAL ? ": outside the range of the device" : ""), rc);
        }
    }

    /** Brings the device up. */
    public void up() {
        final int flags = call(SIOCGIFFLAGS, 0);
        final int rc = flags < 0 ? flags : call(SIOCSIFFLAGS, flags & 0xFFFF | IFF_UP);
        if (rc < 0) {
            throw new OsException("device " + name + " cannot be brought up", rc);
        }
    }

    /** Whether the device exists, is up, and has a carrier. */
    public boolean isRunning() {
        final int flags = call(SIOCGIFFLAGS, 0);
        return flags >= 0 && (flags & IFF_RUNNING) != 0;
    }

    /** Returns the ways in which consecutive received packets are merged: {@link #GRO}, {@link #LRO}, both, or 0. */
    public int merging() {
        return (ethtool(ETHTOOL_GGRO, 0) > 0 ? GRO : 0)
            | ((ethtool(ETHTOOL_GFLAGS, 0) & FLAG_LRO_OR_ERROR) == ETH_FLAG_LRO ? LRO : 0);
    }

    /** Sets the ways in which packets are merged. A way that the device does not support or cannot change stays. */
    public void merging(final int ways) {
        final int before = merging();
        if (((before ^ ways) & GRO) != 0) {
            ethtool(ETHTOOL_SGRO, ways & GRO);
        }
        if (((before ^ ways) & LRO) != 0) {
            ethtool(ETHTOOL_SFLAGS, ethtool(ETHTOOL_GFLAGS, 0) ^ ETH_FLAG_LRO);
        }
    }

    /** Makes a request with a {@code struct ethtool_value}. Returns the resulting value, or {@code -errno}. */
    private int ethtool(final int command, final int value) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment argument = arena.allocateFrom(ValueLayout.JAVA_INT, command, value);
            final MemorySegment request = request(arena, name, 0);
            request.set(ValueLayout.JAVA_LONG, VALUE, argument.address());
            final int rc = call(SIOCETHTOOL, request);
            return rc < 0 ? rc : argument.getAtIndex(ValueLayout.JAVA_INT, 1);
        }
    }

    /** Makes the device a port of a kernel bridge, unless it is a port of this bridge already. */
    public void join(final String bridge) {
        final NetDevice master = new NetDevice(bridge);
        if (!master.exists()) {
            throw new OsException("bridge " + bridge + ": no device has this name; ip link add " + bridge
                + " type bridge creates it");
        }
        final int index = call(SIOCGIFINDEX, 0);
        final int rc = master.call(SIOCBRADDIF, index);
        if (rc == -Libc.EOPNOTSUPP || rc == -Libc.EINVAL) {
            throw new OsException("bridge " + bridge + ": this device is not a bridge, or cannot have " + name
                + " as a port");
        }
        if (rc < 0 && !(rc == -Libc.EBUSY && master.hasPort(index))) {
            throw new OsException("bridge " + bridge + ": device " + name
                + (rc == -Libc.EBUSY ? " is a port of another bridge" : " cannot be made a port"), rc);
        }
    }

    private boolean hasPort(final int wanted) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment indices = arena.allocate(ValueLayout.JAVA_INT, MAX_BRIDGE_PORTS);
            final MemorySegment arguments = arena.allocateFrom(ValueLayout.JAVA_LONG, BRCTL_GET_PORT_LIST,
                indices.address(), MAX_BRIDGE_PORTS, 0);
            final MemorySegment request = request(arena, name, 0);
            request.set(ValueLayout.JAVA_LONG, VALUE, arguments.address());
            if (call(SIOCDEVPRIVATE, request) < 0) {
                return false;
            }
            for (int i = 0; i < MAX_BRIDGE_PORTS; i++) {
                if (indices.getAtIndex(ValueLayout.JAVA_INT, i) == wanted) {
                    return true;
                }
            }
            return false;
        }
    }

    /** Makes a request. Returns the resulting value, or {@code -errno}. */
    private int call(final long operation, final int value) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment request = request(arena, name, value);
            final int rc = call(operation, request);
            return rc < 0 ? rc : request.get(ValueLayout.JAVA_INT, VALUE) & Integer.MAX_VALUE;
        }
    }

    private static int call(final long operation, final MemorySegment request) {
        final int socket = Libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC);
        if (socket < 0) {
            throw new OsException("socket", socket);
        }
        try {
            return Libc.ioctl(socket, operation, request);
        } finally {
            Fd.close(socket);
        }
    }
}
