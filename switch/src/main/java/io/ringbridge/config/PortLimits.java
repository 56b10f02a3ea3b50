package io.ringbridge.config;

import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.os.NetDevice;

import java.util.regex.Pattern;

/** The limits of a port's keys. */
final class PortLimits {
    static final int MAX_QUEUES = Datapath.MAX_QUEUE_PAIRS;
    static final int MIN_MTU = 68;
    static final int MAX_MTU = 65535;
    /** The MTU of Ethernet. */
    static final int DEFAULT_MTU = 1500;
    /** The length of {@code sun_path} in {@code struct sockaddr_un}, without the terminating zero. */
    static final int MAX_PATH_BYTES = 107;
    static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");
    static final String NAME_RULE = "1 to 64 letters, digits, '.', '_' and '-', starting with a letter or digit";
    /**
     * The characters that the kernel, {@code ip} and {@code sysfs} all accept. The kernel accepts more, but replaces a
     * {@code %d} by a number.
     */
    static final Pattern DEVICE = Pattern.compile("[A-Za-z0-9._-]{1," + NetDevice.MAX_NAME + "}");
    static final String DEVICE_RULE = "the name of a network device, 1 to " + NetDevice.MAX_NAME
        + " letters, digits, '.', '_' and '-'";

    static final Pattern DESCRIPTION = Pattern.compile("[^\\p{Cntrl}]{1,200}");
    static final String DESCRIPTION_RULE = "1 to 200 characters in one line";
    /** The names that the tools of Linux distributions accept for users and groups, and numbers. */
    static final Pattern ACCOUNT = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,63}[$]?");
    static final String CAPTURE_RULE = "the path of a capture file";
    /** The length of the shortest Ethernet frame without its frame check sequence. */
    static final int MIN_SNAPLEN = 60;
    /** 64 KiB of payload, an Ethernet header and a VLAN tag. */
    static final int MAX_SNAPLEN = 65553;
    static final int MIN_CAPTURE_RING = 1 << 16;
    static final int MAX_CAPTURE_RING = 1 << 30;

    private PortLimits() {
    }

    static boolean isDevice(final String name) {
        return DEVICE.matcher(name).matches() && !".".equals(name) && !"..".equals(name);
    }
}
