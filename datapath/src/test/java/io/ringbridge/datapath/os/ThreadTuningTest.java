package io.ringbridge.datapath.os;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

class ThreadTuningTest {
    /** As the kernel tells it of the calling thread (proc(5), field 19 of stat). */
    private static int nice() {
        try {
            final String stat = Files.readString(Path.of("/proc/thread-self/stat"));
            return Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[16]);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aThreadThatGivesWayAndThoseItStartsComeLast() throws InterruptedException {
        final int before = nice();
        final List<Integer> told = new ArrayList<>();
        final Thread first = Thread.ofPlatform().start(() -> {
            ThreadTuning.giveWay();
            told.add(nice());
            final Thread second = Thread.ofPlatform().start(() -> told.add(nice()));
            try {
                second.join();
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        });
        first.join();
        assertEquals(List.of(19, 19), told);
        assertEquals(before, nice());
    }
}
