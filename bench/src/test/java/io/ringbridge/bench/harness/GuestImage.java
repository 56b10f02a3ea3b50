package io.ringbridge.bench.harness;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.machine.Machine;
import io.ringbridge.bench.peer.Program;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The files that a test guest boots: a kernel, and an initial file system with busybox, iperf3 and the virtio drivers.
 *
 * @param kernel    the kernel
 * @param initramfs the initial file system
 */
public record GuestImage(GuestKernel kernel, Path initramfs) {
    /** The programs that this machine needs to build an image. */
    public static final List<String> PROGRAMS = List.of("busybox", "iperf3", "cpio", "xz", "ldd");

    private static final Duration LIMIT = Duration.ofMinutes(1);
    /** Modules of these drivers are optional, because a kernel may have them built in. */
    private static final List<String> DRIVERS = List.of("virtio_pci", "virtio_net");
    /** The field of a module file that names the modules it depends on. */
    private static final Pattern DEPENDS = Pattern.compile("\\x00depends=([^\\x00]+)\\x00");
    private static final Pattern LIBRARY = Pattern.compile("(/\\S+) \\(0x");

    /**
     * Builds an image below a directory, which also caches the kernel.
     *
     * @param more programs of this machine that the image also contains
     */
    public static GuestImage create(final Path cache, final String... more) {
        return create(cache, "initramfs", List.of(more), List.of());
    }

    /**
     * Builds an image with more programs and drivers.
     *
     * @param name     the name of the image below the directory
     * @param programs the programs of this machine that the image also contains
     * @param drivers  the kernel modules that the guest also loads
     */
    public static GuestImage create(final Path cache, final String name, final List<String> programs,
        final List<String> drivers) {
        final GuestKernel kernel = GuestKernel.find(cache);
        final Path root = cache.resolve(name);
        final Path image = cache.resolve(name + ".gz");
        try {
            if (Files.exists(root)) {
                Machine.delete(root);
            }
            Files.createDirectories(root.resolve("bin"));
            copyProgram("busybox", root.resolve("bin/busybox"));
            copyWithLibraries("iperf3", root);
            for (final String program : programs) {
                copyWithLibraries(program, root);
            }
            copyModules(kernel, Stream.concat(DRIVERS.stream(), drivers.stream()).toList(), root.resolve("modules"));
            try (InputStream init = GuestImage.class.getResourceAsStream("guest-init.sh")) {
                Files.copy(init, root.resolve("init"));
            }
            if (!root.resolve("init").toFile().setExecutable(true)) {
                throw new BenchException("cannot make " + root.resolve("init") + " executable");
            }
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        Program.run(LIMIT, "sh", "-c", "cd '" + root.toAbsolutePath()
            + "' && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 > '"
            + image.toAbsolutePath() + "'");
        return new GuestImage(kernel, image);
    }

    private static void copyProgram(final String name, final Path to) throws IOException {
        final Path from = Program.find(name).orElseThrow(() -> new BenchException("program " + name + " not found"));
        copy(from, to);
    }

    private static void copyWithLibraries(final String name, final Path root) throws IOException {
        copyProgram(name, root.resolve("usr/bin").resolve(name));
        copyLibraries(Program.find(name).orElseThrow(), root);
    }

    private static void copyLibraries(final Path program, final Path root) throws IOException {
        final Matcher matcher = LIBRARY.matcher(Program.run(LIMIT, "ldd", program.toString()));
        while (matcher.find()) {
            final Path library = Path.of(matcher.group(1));
            copy(library, root.resolve(library.toString().substring(1)));
        }
    }

    /** Copies the drivers with their dependencies, and writes a list of them in load order. */
    private static void copyModules(final GuestKernel kernel, final List<String> drivers, final Path directory)
        throws IOException {
        Files.createDirectories(directory);
        final Set<String> order = new LinkedHashSet<>();
        for (final String driver : drivers) {
            copyModule(kernel, driver, directory, order);
        }
        Files.write(directory.resolve("order"), order);
    }

    private static void copyModule(final GuestKernel kernel, final String name, final Path directory,
        final Set<String> order)
        throws IOException {
        final Optional<Path> module = kernel.module(name);
        final Path copy = directory.resolve(name + ".ko");
        if (module.isEmpty() || Files.exists(copy)) {
            return;
        }
        if (module.get().toString().endsWith(".xz")) {
            Files.copy(module.get(), directory.resolve(name + ".ko.xz"));
            Program.run(LIMIT, "xz", "-d", directory.resolve(name + ".ko.xz").toString());
        } else {
            Files.copy(module.get(), copy);
        }
        final Matcher depends = DEPENDS.matcher(Files.readString(copy, StandardCharsets.ISO_8859_1));
        if (depends.find()) {
            for (final String needed : depends.group(1).split(",", -1)) {
                copyModule(kernel, needed, directory, order);
            }
        }
        order.add(name + ".ko");
    }

    private static void copy(final Path from, final Path to) throws IOException {
        Files.createDirectories(to.getParent());
        Files.copy(from.toRealPath(), to, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.COPY_ATTRIBUTES);
    }
}
