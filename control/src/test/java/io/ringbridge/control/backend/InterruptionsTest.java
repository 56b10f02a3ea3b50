package io.ringbridge.control.backend;

import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.port.Interruption;
import io.ringbridge.datapath.port.InterruptionCause;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that interruptions by front-ends and operators are recorded with their causes. */
@Timeout(60)
class InterruptionsTest {
    private static final long HELD_MILLIS = 20;
    /** Covers the guest's memory, which lies above 4 GiB. */
    private static final long LOG_BYTES = (GuestRam.GUEST_ADDRESS + (32 << 20)) / 4096 / 8;

    @TempDir
    Path directory;
    private SwitchFixture fixture;

    @BeforeEach
    void start() {
        fixture = new SwitchFixture(directory.resolve("s"));
    }

    @AfterEach
    void end() {
        fixture.close();
    }

    private Guest attach() throws IOException {
        final Guest guest =
            Guest.attach(fixture.socket, Frontend.DEFAULT_FEATURES, new QueueShape(64, 2048));
        Await.until(() -> fixture.port.state() == PortState.RUNNING);
        return guest;
    }

    private List<InterruptionCause> causes() {
        return fixture.port.interruptions().stream().map(Interruption::cause)
            .filter(cause -> cause != InterruptionCause.WORKER_STALL).toList(); // the machine may be busy
    }

    private Interruption last(final InterruptionCause cause) {
        return fixture.port.interruptions().stream().filter(one -> one.cause() == cause).toList().getLast();
    }

    /** Holds a silence for a while, which an ongoing interruption then covers. */
    private void hold(final InterruptionCause cause) throws InterruptedException {
        final long start = System.nanoTime();
        Thread.sleep(HELD_MILLIS);
        final long held = System.nanoTime() - start;
        final Interruption one = last(cause);
        assertTrue(one.ongoing());
        assertTrue(one.start() - start <= 0 && one.start() + one.nanos() - start - held >= 0,
            "it began before, and has not ended");
    }

    private void assertEnded(final InterruptionCause cause) {
        assertFalse(last(cause).ongoing());
        assertTrue(last(cause).nanos() >= HELD_MILLIS * 1_000_000);
    }

    @Test
    void aFrontEndThatLeavesAndReturnsIsAReconnection() throws Exception {
        final Guest guest = attach();
        assertEquals(List.of(), causes());
        guest.close();
        fixture.awaitDetached();
        hold(InterruptionCause.RECONNECT);
        final Guest again = attach();
        assertEnded(InterruptionCause.RECONNECT);
        again.close(); // which begins another one
    }

    @Test
    void ringsThatAreStoppedAndStartedAgain() throws Exception {
        try (Guest guest = attach()) {
            guest.frontend().stop();
            hold(InterruptionCause.RINGS_STOPPED);
            guest.frontend().start();
            assertEnded(InterruptionCause.RINGS_STOPPED);
            assertEquals(List.of(InterruptionCause.RINGS_STOPPED), causes());
            guest.frontend().stop();
        }
        fixture.awaitDetached();
        assertFalse(last(InterruptionCause.RINGS_STOPPED).ongoing());
        hold(InterruptionCause.RECONNECT);
        assertEquals(List.of(InterruptionCause.RINGS_STOPPED, InterruptionCause.RINGS_STOPPED,
            InterruptionCause.RECONNECT), causes());
    }

    @Test
    void ringsThatAreStoppedWhileTheirWritesAreLoggedMigrate() throws Exception {
        try (Guest guest = attach(); MemFd log = MemFd.create("log", LOG_BYTES)) {
            guest.frontend().logTo(log);
            guest.frontend().logging(true);
            guest.frontend().stop();
            hold(InterruptionCause.MIGRATION);
        }
        fixture.awaitDetached();
        assertEnded(InterruptionCause.MIGRATION);
        assertEquals(List.of(InterruptionCause.MIGRATION, InterruptionCause.RECONNECT), causes());
        assertTrue(last(InterruptionCause.RECONNECT).ongoing(), "the guest is elsewhere");
    }

    @Test
    void aSuspensionByTheFrontEnd() throws Exception {
        try (Guest guest = attach()) {
            guest.frontend().suspend();
            hold(InterruptionCause.SUSPENDED_BY_FRONT_END);
            guest.frontend().resume();
            assertEnded(InterruptionCause.SUSPENDED_BY_FRONT_END);
            assertEquals(List.of(InterruptionCause.SUSPENDED_BY_FRONT_END), causes());
        }
    }

    @Test
    void anotherMemoryTable() throws Exception {
        try (Guest guest = attach()) {
            final GuestRam ram = guest.ram();
            guest.frontend().command(new Message.SetMemTable(
                List.of(new Message.Region(GuestRam.GUEST_ADDRESS, ram.size(), ram.address(), 0))), ram.file().fd());
            assertEquals(List.of(InterruptionCause.MEMORY_CHANGE), causes());
            assertFalse(last(InterruptionCause.MEMORY_CHANGE).ongoing());
        }
    }
}
