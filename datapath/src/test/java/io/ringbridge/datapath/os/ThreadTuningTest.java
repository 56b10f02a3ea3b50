package io.ringbridge.datapath.os;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;

class ThreadTuningTest {
    /** Returns the calling thread's nice value (proc(5), field 19 of stat). */
    private static int nice() {
        try {
            final String stat = Files.readString(Path.of("/proc/thread-self/stat"));
            return Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[16]);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aThreadThatGivesWayAndThoseItStartsHaveTheLowestPriority() throws InterruptedException {
        final int before = nice();
        final List<Integer> values = new ArrayList<>();
        final Thread first = Thread.ofPlatform().start(() -> {
            ThreadTuning.lowerPriority();
            values.add(nice());
            final Thread second = Thread.ofPlatform().start(() -> values.add(nice()));
            try {
                second.join();
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        });
        first.join();
        assertEquals(List.of(19, 19), values);
        assertEquals(before, nice());
    }
}
