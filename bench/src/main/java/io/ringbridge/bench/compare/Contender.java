package io.ringbridge.bench.compare;

import io.ringbridge.bench.harness.HarnessException;
import io.ringbridge.bench.harness.Machine;
import io.ringbridge.bench.harness.OpenVswitch;
import io.ringbridge.bench.harness.Program;
import io.ringbridge.bench.harness.SwitchProcess;
import io.ringbridge.bench.harness.Testpmd;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A system that forwards between two vhost-user ports. */
enum Contender {
    /** This switch, as a user starts it. */
    RINGBRIDGE("Ringbridge") {
        @Override
        List<String> missing() {
            return Files.isExecutable(SwitchProcess.launcher()) ? List.of() : List.of(SwitchProcess.launcher().toString());
        }

        @Override
        Running start(final Placement placement) {
            final SwitchProcess process = SwitchProcess.start(new SwitchProcess.Config().set("workers", 1)
                .set("cpus", List.of(placement.switchCpu())).set("poll", "busy").server("a").server("b"));
            return new Running(List.of(process.socket("a"), process.socket("b")), false, process::close);
        }
    },

    /** DPDK's own back-end, which passes every frame on to the other port and looks at none: no switch does less. */
    PIPE("DPDK pipe") {
        @Override
        List<String> missing() {
            return missingPrograms(Testpmd.PROGRAM, "stdbuf");
        }

        @Override
        Running start(final Placement placement) {
            final Path directory = Machine.temporaryDirectory(0);
            final List<Path> sockets = List.of(directory.resolve("a.sock"), directory.resolve("b.sock"));
            final Testpmd testpmd = new Testpmd.Builder("pipe", placement.switchCpu()).mainCpu(placement.generatorCpu())
                .hugepages(placement.hugepages()).device(Testpmd.vhost(0, sockets.get(0))).device(Testpmd.vhost(1, sockets.get(1)))
                .option("--no-flush-rx").option("--forward-mode=io").start();
            testpmd.command("start");
            return new Running(sockets, false, () -> {
                testpmd.close();
                Machine.delete(directory);
            });
        }
    },

    /** Open vSwitch with DPDK and its NORMAL action: a learning bridge. */
    OVS("OVS-DPDK") {
        @Override
        List<String> missing() {
            return OpenVswitch.missing();
        }

        @Override
        Running start(final Placement placement) {
            final Path directory = Machine.temporaryDirectory(0);
            final List<Path> sockets = List.of(directory.resolve("a.sock"), directory.resolve("b.sock"));
            try {
                final OpenVswitch ovs = OpenVswitch.start(placement.generatorCpu(), placement.switchCpu(), placement.hugepages(), sockets);
                return new Running(sockets, true, () -> {
                    ovs.close();
                    Machine.delete(directory);
                });
            } catch (final HarnessException e) {
                Machine.delete(directory);
                throw e;
            }
        }
    };

    private final String title;

    Contender(final String title) {
        this.title = title;
    }

    String title() {
        return title;
    }

    /** What this machine lacks to run it; empty if nothing. */
    abstract List<String> missing();

    abstract Running start(Placement placement);

    private static List<String> missingPrograms(final String... names) {
        return List.of(names).stream().filter(name -> Program.find(name).isEmpty()).toList();
    }

    /**
     * A contender that has been started.
     *
     * @param sockets        of its two ports
     * @param frontEndListens whether it connects, and the front-end listens
     * @param end            stops it
     */
    record Running(List<Path> sockets, boolean frontEndListens, Runnable end) implements AutoCloseable {
        @Override
        public void close() {
            end.run();
        }
    }
}
