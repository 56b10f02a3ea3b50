package io.ringbridge.bench.jmh;

import io.ringbridge.datapath.memory.Memory;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Copying a frame's payload, by length; from one of many places to another, as frames lie in guests' buffers. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgs = {"--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED", "--enable-native-access=ALL-UNNAMED"})
public class CopyBenchmark {
    private static final int BUFFERS = 256;
    private static final int BUFFER = 2048;
    private static final long WORD = 8;

    /** Bytes. */
    @Param({"16", "60", "64", "128", "512", "1500"})
    private int length;

    private long source;
    private long target;
    private MemorySegment sources;
    private MemorySegment targets;
    private int turn;

    @Setup
    public void allocate() {
        source = Memory.allocate((long) BUFFERS * BUFFER);
        target = Memory.allocate((long) BUFFERS * BUFFER);
        sources = MemorySegment.ofAddress(source).reinterpret((long) BUFFERS * BUFFER);
        targets = MemorySegment.ofAddress(target).reinterpret((long) BUFFERS * BUFFER);
    }

    private long next() {
        turn = turn + 1 & BUFFERS - 1;
        return (long) turn * BUFFER;
    }

    /** Words below 64 bytes, the virtual machine's own copy from there on. */
    @Benchmark
    public void used() {
        final long at = next();
        Memory.copy(source + at, target + at, length);
    }

    /** A loop over words for every length: the virtual machine cannot know that nothing overlaps, and does not widen it. */
    @Benchmark
    public void words() {
        final long at = next();
        final long from = source + at;
        final long to = target + at;
        final long last = length - WORD;
        final long tail = Memory.getLong(from + last);
        for (long i = 0; i < last; i += WORD) {
            Memory.putLong(to + i, Memory.getLong(from + i));
        }
        Memory.putLong(to + last, tail);
    }

    /** With bounds and liveness checked at each copy. */
    @Benchmark
    public void memorySegment() {
        final long at = next();
        MemorySegment.copy(sources, at, targets, at, length);
    }
}
