package io.ringbridge.bench.jmh;

import io.ringbridge.datapath.memory.Memory;
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

import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;

/** Copies frames of a given length between many buffers, as the switch copies between guests' buffers. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgs = {"--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED"})
public class CopyBenchmark {
    private static final int BUFFERS = 256;
    private static final int BUFFER = 2048;
    private static final long WORD = 8;

    /** The length in bytes. */
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

    /** Copies words below 64 bytes, and uses the JVM's own copy from 64 bytes. */
    @Benchmark
    public void used() {
        final long at = next();
        Memory.copy(source + at, target + at, length);
    }

    /**
     * Copies words at every length. The JVM cannot prove that the ranges do not overlap, so it does not vectorize the
     * loop.
     */
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

    /** Copies with a memory segment, which checks bounds and liveness at each copy. */
    @Benchmark
    public void memorySegment() {
        final long at = next();
        MemorySegment.copy(sources, at, targets, at, length);
    }
}
