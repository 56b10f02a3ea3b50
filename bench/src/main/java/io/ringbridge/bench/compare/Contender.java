package io.ringbridge.bench.compare;

import io.ringbridge.bench.backend.Backend;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.peer.OpenVswitch;
import io.ringbridge.bench.peer.Program;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import io.ringbridge.bench.peer.Testpmd;
import org.jspecify.annotations.Nullable;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** A system that forwards between two vhost-user ports. */
enum Contender {
    /** This switch, as a user starts it. */
    RINGBRIDGE("Ringbridge") {
        @Override
        List<String> missing() {
            return Files.isExecutable(SwitchProcess.launcher()) ? List.of()
                : List.of(SwitchProcess.launcher().toString());
        }

        @Override
        Running start(final Placement placement, final Kind kind) {
            final SwitchConfig config = new SwitchConfig().set("workers", 1)
                .set("cpus", List.of(placement.switchCpu())).set("poll", "busy").server("a").server("b");
            if (kind == Kind.TAP) {
                config.inNewNamespace().tap("up", FarEnd.DEVICE);
            }
            final SwitchProcess process = SwitchProcess.start(config).awaitWarm();
            return new Running(List.of(process.socket("a"), process.socket("b")), false, kind == Kind.TAP,
                process.pid(), process::close);
        }
    },

    /**
     * DPDK's own back-end, which forwards every frame to the other port without inspecting it. No switch does less
     * work.
     */
    PIPE("DPDK pipe") {
        @Override
        List<String> missing() {
            return missingPrograms(Testpmd.PROGRAM, "stdbuf");
        }

        @Override
        boolean does(final Kind kind) {
            return kind == Kind.FRAMES;
        }

        @Override
        Running start(final Placement placement, final Kind kind) {
            final Path directory = Machine.temporaryDirectory(0);
            final List<Path> sockets = List.of(directory.resolve("a.sock"), directory.resolve("b.sock"));
            final Testpmd testpmd = new Testpmd.Builder("pipe", placement.switchCpu()).mainCpu(placement.generatorCpu())
                .hugepages(placement.hugepages()).device(Testpmd.vhost(0, sockets.get(0)))
                .device(Testpmd.vhost(1, sockets.get(1)))
                .option("--no-flush-rx").option("--forward-mode=io").start();
            testpmd.command("start");
            return new Running(sockets, false, false, testpmd.pid(), () -> {
                testpmd.close();
                Machine.delete(directory);
            });
        }
    },

    /** Open vSwitch with DPDK and its NORMAL action: a learning bridge. Its tap is DPDK's. */
    OVS("OVS-DPDK") {
        @Override
        List<String> missing() {
            return OpenVswitch.missing();
        }

        @Override
        Running start(final Placement placement, final Kind kind) {
            // DPDK 22.11's net_tap does not send large packets. It needs as many receive as transmit queues, and Open
            // vSwitch creates two transmit queues.
            return startOpenVswitch(placement, kind, kind == Kind.TSO, "type=dpdk",
                "options:dpdk-devargs=net_tap0,iface=" + FarEnd.DEVICE, "options:n_rxq=2");
        }
    },

    /** Open vSwitch with DPDK, and with its own tap instead of DPDK's. */
    OVS_INTERNAL("OVS-DPDK, internal port") {
        @Override
        List<String> missing() {
            return OpenVswitch.missing();
        }

        @Override
        boolean does(final Kind kind) {
            return kind == Kind.TAP;
        }

        @Override
        Running start(final Placement placement, final Kind kind) {
            return startOpenVswitch(placement, kind, true, "type=internal");
        }
    };

    private final String title;

    Contender(final String title) {
        this.title = title;
    }

    /** Returns the name in JSON and CSV: {@code ovs_internal}. */
    String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    String title() {
        return title;
    }

    /** Returns the programs that the system needs and this machine lacks. */
    abstract List<String> missing();

    /** Returns the back-end of {@code bench latency} that is the same system, or null if there is none. */
    @Nullable Backend backend() {
        return switch (this) {
            case RINGBRIDGE -> Backend.RINGBRIDGE;
            case PIPE -> Backend.TESTPMD;
            case OVS -> Backend.OVS;
            case OVS_INTERNAL -> null;
        };
    }

    /** Whether the system supports this load. */
    boolean does(final Kind kind) {
        return true;
    }

    /** Starts the system with the ports that the load needs: two for guests, and a tap for {@link Kind#TAP}. */
    abstract Running start(Placement placement, Kind kind);

    private static Running startOpenVswitch(final Placement placement, final Kind kind, final boolean large,
        final String... tap) {
        final Path directory = Machine.temporaryDirectory(0);
        final List<Path> sockets = List.of(directory.resolve("a.sock"), directory.resolve("b.sock"));
        try {
            final OpenVswitch ovs = OpenVswitch.start(placement.generatorCpu(), placement.switchCpu(),
                placement.hugepages(), sockets, large);
            if (kind == Kind.TAP) {
                ovs.addPort(FarEnd.DEVICE, tap);
            }
            return new Running(sockets, true, kind == Kind.TAP, ovs.pid(), () -> {
                ovs.close();
                Machine.delete(directory);
            });
        } catch (final BenchException e) {
            Machine.delete(directory);
            throw e;
        }
    }

    private static List<String> missingPrograms(final String... names) {
        return List.of(names).stream().filter(name -> Program.find(name).isEmpty()).toList();
    }

    /**
     * A running contender.
     *
     * @param sockets         the sockets of its two ports
     * @param frontEndListens whether the contender connects, so that the front-end must listen
     * @param hasTap          whether there is a tap in the contender's network namespace
     * @param pid             the process ID
     * @param end             ends the contender
     */
    record Running(List<Path> sockets, boolean frontEndListens, boolean hasTap, long pid,
        Runnable end) implements AutoCloseable {
        @Override
        public void close() {
            end.run();
        }
    }
}
