package io.ringbridge.datapath;

import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Tap;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.UplinkPort;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

/** A network namespace for one test. If it cannot be created, the test is skipped, or fails if CI=true is set. */
final class Namespace implements AutoCloseable {
    private static final AtomicInteger NEXT = new AtomicInteger();

    private final String name = "rb-" + ProcessHandle.current().pid() + '-' + NEXT.getAndIncrement();

    private Namespace() {
    }

    static Namespace create() {
        final Namespace namespace = new Namespace();
        try {
            run("ip", "netns", "add", namespace.name);
            Tap.open("rbtry" + ProcessHandle.current().pid(), false).close();
        } catch (final UncheckedIOException | IllegalStateException | OsException e) {
            if ("true".equals(System.getenv("CI"))) {
                fail("no network namespace with a tap", e);
            }
            abort("no network namespace with a tap: " + e.getMessage());
        }
        namespace.in("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1");
        return namespace;
    }

    /** Creates a tap that is up in the namespace, with descriptors in this process. */
    List<Tap> tap(final String device, final int queues, final int mtu) {
        final List<Tap> taps = new ArrayList<>();
        final String created = "rb" + ProcessHandle.current().pid() + 'x' + NEXT.getAndIncrement();
        for (int i = 0; i < queues; i++) {
            taps.add(Tap.open(created, queues > 1));
        }
        run("ip", "link", "set", created, "netns", name, "name", device);
        in("ip", "link", "set", device, "mtu", Integer.toString(mtu), "up");
        return taps;
    }

    /**
     * Adds a port with a tap of one queue in the namespace's bridge {@code br0}.
     *
     * @param vlan the port's VLANs, or null for none
     * @param open receives the resources to close after the test
     */
    UplinkPort bridgedPort(final Datapath datapath, final String device, final int mtu, final PortVlan vlan,
                           final List<AutoCloseable> open) {
        final UplinkPort port = datapath.addUplinkPort(device, 1, mtu, vlan);
        final List<Tap> taps = tap(device, 1, mtu);
        in("ip", "link", "set", device, "master", "br0");
        port.attach(taps, true);
        open.add(() -> {
            port.detach();
            taps.forEach(Tap::close);
        });
        return port;
    }

    /** Runs a program in the namespace, and returns its output. */
    String in(final String... command) {
        final List<String> whole = new ArrayList<>(List.of("ip", "netns", "exec", name));
        whole.addAll(List.of(command));
        return run(whole.toArray(String[]::new));
    }

    private static String run(final String... command) {
        try {
            final Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new IllegalStateException(String.join(" ", command) + ": " + output.strip());
            }
            return output;
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        run("ip", "netns", "del", name);
    }
}
