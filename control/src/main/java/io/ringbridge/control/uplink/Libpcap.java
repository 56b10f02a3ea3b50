package io.ringbridge.control.uplink;

import io.ringbridge.datapath.os.OsException;
import org.pcap4j.core.NotOpenException;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.PcapHandle.TimestampPrecision;
import org.pcap4j.core.PcapNativeException;
import org.pcap4j.core.Pcaps;
import org.pcap4j.packet.namednumber.DataLinkType;

import java.nio.file.Files;
import java.nio.file.Path;

/** Opens captures with libpcap, and turns its errors into one line. Any thread may call. */
final class Libpcap {
    private Libpcap() {
    }

    /** Opens a capture. */
    static PcapHandle open(final Path file) {
        final String what = "capture " + file;
        if (!Files.exists(file)) {
            throw new OsException(what + ": no such file");
        }
        if (!Files.isRegularFile(file) || !Files.isReadable(file)) {
            throw new OsException(what + ": cannot be read");
        }
        return open(what, () -> Pcaps.openOffline(file.toString(), TimestampPrecision.NANO));
    }

    private interface Opening {
        PcapHandle open() throws PcapNativeException, NotOpenException;
    }

    private static PcapHandle open(final String what, final Opening opening) {
        final PcapHandle handle;
        try {
            handle = opening.open();
        } catch (final PcapNativeException | NotOpenException e) {
            throw new OsException(what + ": " + e.getMessage());
        } catch (final LinkageError e) {
            throw new OsException(what + ": libpcap is needed (Debian: apt install libpcap0.8): " + e.getMessage());
        }
        if (!DataLinkType.EN10MB.equals(handle.getDlt())) {
            final String other = handle.getDlt().name();
            handle.close();
            throw new OsException(what + ": its frames are " + other + "; only Ethernet is supported");
        }
        return handle;
    }
}
