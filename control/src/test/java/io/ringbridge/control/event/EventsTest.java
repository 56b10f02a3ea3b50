package io.ringbridge.control.event;

import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

/** Tests the history of events and its subscribers. */
@Timeout(20)
class EventsTest {
    private final Events events = new Events();

    private void report(final int count) {
        for (int i = 0; i < count; i++) {
            events.report(EventKind.UPGRADED, "event " + i, Map.of());
        }
    }

    private static List<Event> read(final Subscription subscription) throws InterruptedException {
        final List<Event> read = new ArrayList<>();
        for (Event next = subscription.next(Duration.ZERO); next != null; next = subscription.next(Duration.ZERO)) {
            read.add(next);
        }
        return read;
    }

    private static List<String> texts(final List<Event> events) {
        return events.stream().map(Event::text).toList();
    }

    @Test
    void aSubscriberReadsTheEventsFromThenOnInOrder() throws InterruptedException {
        report(2);
        final Subscription subscription = events.subscribe();
        assertNull(subscription.next(Duration.ZERO));
        events.of("vm1").report(EventKind.SUSPENDED, "suspended by the operator", Map.of("by", "operator"));
        events.of("vm1").report(EventKind.RESUMED, "resumed by the operator");
        final List<Event> read = read(subscription);
        assertEquals(List.of("suspended by the operator", "resumed by the operator"), texts(read));
        assertEquals("vm1", read.getFirst().port());
        assertEquals(EventKind.SUSPENDED, read.getFirst().kind());
        assertEquals(Map.of("by", "operator"), read.getFirst().details());
        assertEquals(read.getFirst().id() + 1, read.getLast().id());
    }

    @Test
    void aSubscriberResumesAfterTheEventThatItHasRead() throws InterruptedException {
        report(5);
        final List<Event> all = read(events.subscribeAfter(0));
        assertEquals(5, all.size());
        assertEquals(List.of("event 3", "event 4"), texts(read(events.subscribeAfter(all.get(2).id()))));
        assertEquals(List.of(), read(events.subscribeAfter(all.getLast().id())));
        assertEquals(List.of(), read(events.subscribeAfter(Long.MAX_VALUE - 1)), "an ID that no event has yet");
        assertEquals(5, read(events.subscribeAfter(all.getFirst().id() - 100)).size(), "an ID of an earlier process");
    }

    @Test
    void aSlowSubscriberLosesTheOldestEventsAndReadsTheirNumber() throws InterruptedException {
        final Subscription slow = events.subscribe();
        report(Events.HISTORY + 10);
        final List<Event> read = read(slow);
        assertEquals(EventKind.LOST, read.getFirst().kind());
        assertEquals("lost 10 events", read.getFirst().text());
        assertEquals(Map.of("count", 10L), read.getFirst().details());
        assertEquals(read.getFirst().id() + 1, read.get(1).id());
        assertEquals("event 10", read.get(1).text());
        assertEquals(Events.HISTORY + 1, read.size());
        report(1);
        assertEquals(List.of("event 0"), texts(read(slow)));
    }

    @Test
    void aWaitingSubscriberIsWokenByAnEvent() throws InterruptedException {
        final AtomicReference<Event> received = new AtomicReference<>();
        final Subscription subscription = events.subscribe();
        final CountDownLatch begun = new CountDownLatch(1);
        final Thread reader = Thread.ofVirtual().start(() -> {
            begun.countDown();
            try {
                received.set(subscription.next(Duration.ofMinutes(5)));
            } catch (final InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        begun.await();
        report(1);
        reader.join();
        assertEquals("event 0", received.get().text());
    }

    @Test
    void aListenerReceivesTheEventsOfItsPortOnTheReportersThread() {
        final List<String> heard = new ArrayList<>();
        final PortEvents reporter = events.of("vm1",
            event -> heard.add(Thread.currentThread().threadId() + " " + event.port() + " " + event.kind().label()));
        reporter.report(EventKind.RUNNING, "running");
        events.of("vm2").report(EventKind.RUNNING, "running");
        reporter.report(EventKind.STATION_MOVED, "moved");
        final long own = Thread.currentThread().threadId();
        assertEquals(List.of(own + " vm1 running", own + " vm1 station-moved"), heard);
    }

    @Test
    void aLaterProcessContinuesTheIds() throws InterruptedException {
        report(3);
        final Event last = read(events.subscribeAfter(0)).getLast();
        final long begun = System.currentTimeMillis();
        Await.until(() -> System.currentTimeMillis() > begun); // each process takes longer to start
        final Events later = new Events();
        later.of("vm1").report(EventKind.OPENED, "opened");
        assertEquals(List.of("opened"), texts(read(later.subscribeAfter(last.id()))));
    }
}
