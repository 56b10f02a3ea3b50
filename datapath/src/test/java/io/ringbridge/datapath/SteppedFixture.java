package io.ringbridge.datapath;

import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;

import java.util.ArrayList;
import java.util.List;

/** The common fixture of tests with guests on a datapath without threads, whose workers the test steps. */
abstract class SteppedFixture {
    Datapath datapath = Datapath.stepped(DatapathOptions.DEFAULT, System::nanoTime);
    final List<TestGuest> guests = new ArrayList<>();

    @AfterEach
    void detach() {
        guests.forEach(TestGuest::close);
        datapath.close();
    }

    /** Adds a running guest on a port of its own, with one queue pair. */
    TestGuest guest(final int mtu, final long features, final int size, final int bufferLength) {
        final TestGuest guest =
            new TestGuest(datapath.addGuestPort("g" + guests.size(), 1, mtu), features, size, bufferLength).start();
        guests.add(guest);
        return guest;
    }

    /** Steps the workers until none has work. */
    void run() {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    /** Lets the switch learn the stations 1, 2 and so on. */
    void know(final TestGuest... all) {
        for (int i = 0; i < all.length; i++) {
            all[i].send(Frames.broadcast(i + 1, 60));
            run();
            all[i].reap();
        }
        for (final TestGuest guest : all) {
            guest.received();
        }
    }
}
