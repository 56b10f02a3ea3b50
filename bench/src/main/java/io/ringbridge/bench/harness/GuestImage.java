package io.ringbridge.bench.harness;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a test guest boots: a kernel, and an initial file system with busybox, iperf3 and the virtio drivers.
 *
 * @param kernel    the kernel
 * @param initramfs the file system
 */
public record GuestImage(GuestKernel kernel, Path initramfs) {
    /** The programs of this machine that it takes to make one. */
    public static final List<String> PROGRAMS = List.of("busybox", "iperf3", "cpio", "xz", "ldd");

    private static final Duration LIMIT = Duration.ofMinutes(1);
    /** In the order in which they can be loaded; a kernel has some of them built in. */
    private static final List<String> MODULES = List.of("failover", "net_failover", "virtio", "virtio_ring", "virtio_pci_legacy_dev",
        "virtio_pci_modern_dev", "virtio_pci", "dimlib", "virtio_net");
    private static final Pattern LIBRARY = Pattern.compile("(/\\S+) \\(0x");

    /** Makes one below the directory, in which the kernel is kept for the next time. */
    public static GuestImage create(final Path cache) {
        final GuestKernel kernel = GuestKernel.find(cache);
        final Path root = cache.resolve("root");
        final Path image = cache.resolve("initramfs.gz");
        try {
            if (Files.exists(root)) {
                Machine.delete(root);
            }
            Files.createDirectories(root.resolve("bin"));
            copyProgram("busybox", root.resolve("bin/busybox"));
            copyProgram("iperf3", root.resolve("usr/bin/iperf3"));
            copyLibraries(Program.find("iperf3").orElseThrow(), root);
            copyModules(kernel, root.resolve("modules"));
            try (InputStream init = GuestImage.class.getResourceAsStream("guest-init.sh")) {
                Files.copy(init, root.resolve("init"));
            }
            if (!root.resolve("init").toFile().setExecutable(true)) {
                throw new HarnessException("cannot make " + root.resolve("init") + " executable");
            }
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        Program.run(LIMIT, "sh", "-c", "cd '" + root.toAbsolutePath() + "' && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 > '"
            + image.toAbsolutePath() + "'");
        return new GuestImage(kernel, image);
    }

    private static void copyProgram(final String name, final Path to) throws IOException {
        final Path from = Program.find(name).orElseThrow(() -> new HarnessException("there is no program " + name));
        copy(from, to);
    }

    private static void copyLibraries(final Path program, final Path root) throws IOException {
        final Matcher matcher = LIBRARY.matcher(Program.run(LIMIT, "ldd", program.toString()));
        while (matcher.find()) {
            final Path library = Path.of(matcher.group(1));
            copy(library, root.resolve(library.toString().substring(1)));
        }
    }

    private static void copyModules(final GuestKernel kernel, final Path directory) throws IOException {
        Files.createDirectories(directory);
        final List<String> order = new ArrayList<>();
        for (final String name : MODULES) {
            final Optional<Path> module = kernel.module(name);
            if (module.isEmpty()) {
                continue;
            }
            final String file = module.get().getFileName().toString();
            Files.copy(module.get(), directory.resolve(file), StandardCopyOption.REPLACE_EXISTING);
            if (file.endsWith(".xz")) {
                Program.run(LIMIT, "xz", "-d", directory.resolve(file).toString());
            }
            order.add(name + ".ko");
        }
        Files.write(directory.resolve("order"), order);
    }

    private static void copy(final Path from, final Path to) throws IOException {
        Files.createDirectories(to.getParent());
        Files.copy(from.toRealPath(), to, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.COPY_ATTRIBUTES);
    }
}
