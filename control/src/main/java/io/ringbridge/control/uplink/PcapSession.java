package io.ringbridge.control.uplink;

import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.UplinkPort;
import org.pcap4j.core.NotOpenException;
import org.pcap4j.core.PcapHandle;
import org.pcap4j.core.PcapNativeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A capture that is open: {@code rb-pcap-in-NAME} reads frames from it, {@code rb-pcap-out-NAME} writes frames to it, and between them
 * and the port's worker is a {@link PcapDevice}.
 */
final class PcapSession implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(PcapSession.class);
    private static final long ROOM_WAIT_NANOS = 50_000;

    private final UplinkPort port;
    private final PcapOptions options;
    private final PcapHandle handle;
    private final CaptureFile file;
    private final PcapDevice device = new PcapDevice();
    private final Map<DropReason, AtomicLong> lost = new EnumMap<>(DropReason.class);
    private final Thread reader;
    private final Thread sender;
    private long kernelLost;
    private Instant firstCaptured;
    private long replayBegan;
    private volatile boolean ending;

    private PcapSession(final UplinkPort port, final PcapOptions options, final PcapHandle handle, final CaptureFile file) {
        this.port = port;
        this.options = options;
        this.handle = handle;
        this.file = file;
        for (final DropReason reason : List.of(DropReason.OVERRUN, DropReason.TRUNCATED, DropReason.OVERSIZE_FRAME, DropReason.REFUSED)) {
            lost.put(reason, new AtomicLong());
        }
        reader = Thread.ofPlatform().daemon().name("rb-pcap-in-" + port.name()).unstarted(this::read);
        sender = Thread.ofPlatform().daemon().name("rb-pcap-out-" + port.name()).unstarted(this::send);
    }

    /** Opens an interface, and attaches the port. */
    static PcapSession live(final UplinkPort port, final PcapOptions options, final int snapLength) {
        return new PcapSession(port, options, Libpcap.open(options, snapLength), null).begin();
    }

    /** Opens files, and attaches the port. */
    static PcapSession files(final UplinkPort port, final PcapOptions options) {
        final Path directory = options.write() == null ? null : options.write().toAbsolutePath().getParent();
        if (directory != null && !Files.isDirectory(directory)) {
            throw new OsException("capture " + options.write() + ": cannot be written: no such directory");
        }
        final PcapHandle handle = options.read() == null ? null : Libpcap.open(options.read());
        try {
            final CaptureFile file = options.write() == null ? null
                : new CaptureFile(options.write(), options.snapLength() > 0 ? options.snapLength() : PcapDevice.MAX_FRAME);
            return new PcapSession(port, options, handle, file).begin();
        } catch (final IOException e) {
            if (handle != null) {
                handle.close();
            }
            throw new OsException("capture " + options.write() + ": cannot be written: " + reason(e));
        }
    }

    /** The message of a file system's exception is but the path. */
    private static String reason(final IOException e) {
        return e instanceof AccessDeniedException ? "permission denied"
            : e instanceof final FileSystemException failure && failure.getReason() != null ? failure.getReason() : e.toString();
    }

    private PcapSession begin() {
        try {
            port.attach(List.of(device), isLive() || file != null);
        } catch (final OsException e) {
            close();
            throw e;
        }
        if (handle != null) {
            reader.start();
        }
        if (isLive() || file != null) {
            sender.start();
        }
        return this;
    }

    private boolean isLive() {
        return options.device() != null;
    }

    private void read() {
        long frames = 0;
        try {
            while (!ending) {
                try {
                    final byte[] frame = handle.getNextRawPacketEx();
                    frames++;
                    handOn(frame);
                } catch (TimeoutException _) {
                    // None came.
                }
            }
        } catch (EOFException _) {
            if (ending) {
                return; // a wait was broken off
            }
            LOG.info("port {}: capture {} was replayed, {} frames", port.name(), options.read(), frames);
        } catch (final PcapNativeException | NotOpenException e) {
            port.fail(e.getMessage().replaceFirst("^Error occurr?ed in pcap_next_ex\\(\\): ", ""));
        }
    }

    private void handOn(final byte[] frame) {
        if (handle.getOriginalLength() > frame.length) {
            lost(DropReason.TRUNCATED);
        } else if (frame.length > PcapDevice.MAX_FRAME) {
            lost(DropReason.OVERSIZE_FRAME);
        } else if (isLive()) {
            if (!device.offer(frame)) {
                lost(DropReason.OVERRUN);
            }
        } else {
            replay(frame);
        }
    }

    private void replay(final byte[] frame) {
        if (!options.fullSpeed()) {
            awaitTurn();
        }
        while (!ending && !device.offer(frame)) {
            LockSupport.parkNanos(this, ROOM_WAIT_NANOS);
        }
    }

    /** Waits until as much time has passed since the first frame as had when it was captured. */
    private void awaitTurn() {
        final Instant captured = handle.getTimestamp().toInstant();
        final long now = System.nanoTime();
        if (firstCaptured == null) {
            firstCaptured = captured;
            replayBegan = now;
        }
        final long turn = replayBegan + ChronoUnit.NANOS.between(firstCaptured, captured);
        long left = turn - now;
        while (left > 0 && !ending) {
            LockSupport.parkNanos(this, left);
            left = turn - System.nanoTime();
        }
    }

    private void send() {
        try {
            while (!ending) {
                sendAll();
                device.await();
            }
            sendAll();
        } catch (final IOException e) {
            port.fail("capture " + options.write() + ": cannot be written: " + reason(e));
        } catch (final NotOpenException e) {
            port.fail(e.toString());
        }
    }

    private void sendAll() throws IOException, NotOpenException {
        for (byte[] frame = device.take(); frame != null; frame = device.take()) {
            if (file != null) {
                file.write(frame);
            } else {
                inject(frame);
            }
        }
        if (file != null) {
            file.flush();
        }
    }

    private void inject(final byte[] frame) throws NotOpenException {
        try {
            handle.sendPacket(frame);
        } catch (final PcapNativeException e) {
            LOG.debug("port {}: a frame of {} bytes was refused: {}", port.name(), frame.length, e.getMessage());
            lost(DropReason.REFUSED);
        }
    }

    private void lost(final DropReason reason) {
        lost.get(reason).incrementAndGet();
    }

    /** Counts what was lost since the last time with what the port has dropped. For whoever drives the port. */
    void countLost() {
        if (isLive()) {
            try {
                final long dropped = handle.getStats().getNumPacketsDropped();
                lost.get(DropReason.OVERRUN).addAndGet(dropped - kernelLost);
                kernelLost = dropped;
            } catch (final PcapNativeException | NotOpenException e) {
                LOG.debug("port {}: libpcap's counts cannot be had: {}", port.name(), e.getMessage());
            }
        }
        lost.forEach((reason, count) -> port.lost(reason, count.getAndSet(0)));
    }

    /** Writes what is still to be written, and closes all. The port is detached. */
    @Override
    public void close() {
        ending = true;
        breakOff();
        join(reader);
        join(sender);
        countLost();
        if (handle != null) {
            handle.close();
        }
        try {
            if (file != null) {
                file.close();
            }
        } catch (final IOException e) {
            LOG.warn("port {}: capture {}: {}", port.name(), options.write(), e.toString());
        }
        device.close();
    }

    /** Ends the reader's wait for a frame, which may go on for longer than libpcap was told to wait. */
    private void breakOff() {
        try {
            if (handle != null) {
                handle.breakLoop();
            }
        } catch (final NotOpenException e) {
            LOG.debug("port {}: {}", port.name(), e.toString());
        }
    }

    private static void join(final Thread thread) {
        LockSupport.unpark(thread);
        try {
            thread.join();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
