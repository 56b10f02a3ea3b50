package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Descriptors;
import io.ringbridge.datapath.memory.MemoryFiles;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

/** Tests that files are accepted from file systems in memory, and from others only if the port allows it. */
class MemoryFilesTest {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);

    @TempDir
    Path directory;
    private SwitchFixture fixture;
    private RandomAccessFile ordinary;

    @BeforeEach
    void start() throws IOException {
        fixture = new SwitchFixture(directory.resolve("s"));
        ordinary = file(Files.createTempFile(Path.of("target"), "memory", "")); // the build directory is on a disk
    }

    @AfterEach
    void end() throws IOException {
        fixture.close();
        ordinary.close();
    }

    private static RandomAccessFile file(final Path path) throws IOException {
        final RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw");
        Files.delete(path);
        file.setLength(TestPeer.MEMORY);
        return file;
    }

    private static int fd(final RandomAccessFile file) throws IOException {
        return Descriptors.number(file.getFD());
    }

    private static Message.SetMemTable twoRegions() {
        return new Message.SetMemTable(List.of(new Message.Region(TestPeer.GUEST, TestPeer.MEMORY, TestPeer.USER, 0),
            new Message.Region(2 * TestPeer.GUEST, TestPeer.MEMORY, 2 * TestPeer.USER, 0)));
    }

    @Test
    void everyFileInMemoryIsAccepted() throws Exception {
        try (PeerGuest guest = new PeerGuest();
             RandomAccessFile shm = file(Files.createTempFile(Path.of("/dev/shm"), "memory", ""));
             TestPeer peer = fixture.peer().negotiated(PLAIN)) {
            assertEquals(0, peer.ack(TestPeer.table(), guest.fd()));
            assertEquals(0, peer.ack(twoRegions(), fd(shm), guest.fd()));
            assertEquals(0, peer.ack(new Message.InflightFd(Request.SET_INFLIGHT_FD, 1 << 16, 0, 2, 256), fd(shm)));
        }
    }

    @Test
    void filesOfHugePagesAreAccepted() throws Exception {
        try (MemFd memory = hugePage(); TestPeer peer = fixture.peer().negotiated(PLAIN)) {
            assertEquals(0, peer.ack(TestPeer.table(), memory.fd()));
        }
    }

    private static MemFd hugePage() {
        try {
            return MemFd.ofHugePages("huge", 2 << 20);
        } catch (final OsException e) {
            return abort("this system has no huge pages: " + e.getMessage());
        }
    }

    @Test
    void anOrdinaryFileIsRefusedForAnyUse() throws Exception {
        try (PeerGuest guest = new PeerGuest();
             TestPeer peer = fixture.peer().running(PLAIN, guest, 0, 1)) {
            final long descriptors = OpenDescriptors.count();
            final long mappings = SwitchFixture.mappings();
            assertEquals(1, peer.ack(TestPeer.table(), fd(ordinary)));
            assertEquals(1, peer.ack(twoRegions(), guest.fd(), fd(ordinary)));
            final Message.Region another = new Message.Region(2 * TestPeer.GUEST, TestPeer.MEMORY, 0, 0);
            assertEquals(1, peer.ack(new Message.AddMemReg(another), fd(ordinary)));
            assertEquals(1, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, 1, true), fd(ordinary)));
            assertTrue(fixture.started(0) && fixture.started(1));
            Await.until(() -> OpenDescriptors.count() <= descriptors
                && SwitchFixture.mappings() <= mappings);
        }
    }

    @Test
    void withoutAcknowledgementsTheConnectionEnds() throws Exception {
        for (final Message message : List.of(new Message.SetLogBase(TestPeer.MEMORY, 0), TestPeer.table(),
            new Message.InflightFd(Request.SET_INFLIGHT_FD, 1 << 16, 0, 2, 256))) {
            final long descriptors = OpenDescriptors.count();
            try (TestPeer peer = fixture.peer().negotiated(PLAIN)) {
                peer.send(message, fd(ordinary));
                assertTrue(peer.ended());
            }
            fixture.awaitDetached();
            Await.until(() -> OpenDescriptors.count() <= descriptors);
        }
    }

    @Test
    void anOrdinaryFileIsAcceptedIfThePortAllowsIt() throws Exception {
        final Path socket = directory.resolve("any");
        try (SwitchFixture any = new SwitchFixture(socket, 1,
                 BackendOptions.server(socket).withMemory(MemoryFiles.ANY));
             TestPeer peer = any.peer().negotiated(PLAIN)) {
            assertEquals(0, peer.ack(TestPeer.table(), fd(ordinary)));
        }
    }
}
