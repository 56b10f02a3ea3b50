package io.ringbridge.bench.harness;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.peer.Program;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A Linux kernel for test guests, and its modules.
 *
 * @param image   the image that QEMU boots
 * @param modules the directory with the modules of exactly this kernel
 */
public record GuestKernel(Path image, Path modules) {
    private static final Duration FETCH_LIMIT = Duration.ofMinutes(5);
    private static final Duration UNPACK_LIMIT = Duration.ofMinutes(1);
    private static final String META_PACKAGE = "linux-image-cloud-amd64";
    private static final Pattern PACKAGE = Pattern.compile("linux-image-[0-9]\\S*-cloud-amd64(-unsigned)?");
    private static final String IMAGE_PREFIX = "vmlinuz-";

    /**
     * Finds a kernel. The environment variable {@code RINGBRIDGE_KERNEL} may name an image or a Debian package.
     * Otherwise returns an installed cloud kernel, or that of Debian's package, which is unpacked into the cache and
     * not installed.
     */
    public static GuestKernel find(final Path cache) {
        final String given = System.getenv("RINGBRIDGE_KERNEL");
        if (given != null) {
            return given.endsWith(".deb") ? unpack(Path.of(given), cache.resolve("given")) : ofImage(Path.of(given));
        }
        final Optional<Path> installed = newest(Path.of("/boot"), GuestKernel::isUsableImage);
        if (installed.isPresent()) {
            return ofImage(installed.get());
        }
        final Path unpacked = cache.resolve("kernel");
        final Optional<Path> cached = newest(unpacked.resolve("boot"), GuestKernel::isUsableImage);
        return cached.isPresent() ? ofImage(cached.get()) : unpack(fetch(cache), unpacked);
    }

    private static boolean isUsableImage(final Path image) {
        final String name = image.getFileName().toString();
        return name.startsWith(IMAGE_PREFIX) && name.endsWith("-cloud-amd64") && Files.isReadable(image)
            && Files.exists(modulesOf(image));
    }

    private static GuestKernel ofImage(final Path image) {
        final Path modules = modulesOf(image);
        if (!Files.isReadable(image) || !Files.exists(modules)) {
            throw new BenchException("no kernel image " + image + " with modules in " + modules);
        }
        return new GuestKernel(image, modules);
    }

    /** ROOT/boot/vmlinuz-RELEASE belongs to ROOT/lib/modules/RELEASE. */
    private static Path modulesOf(final Path image) {
        final String release = image.getFileName().toString().replaceFirst("^" + IMAGE_PREFIX, "");
        final Path boot = image.toAbsolutePath().getParent();
        assert boot != null : "an image is in a directory";
        return boot.resolveSibling("lib/modules").resolve(release);
    }

    private static Path fetch(final Path cache) {
        final String depends = Program.run(FETCH_LIMIT, "apt-cache", "depends", META_PACKAGE);
        final Matcher matcher = PACKAGE.matcher(depends);
        if (!matcher.find()) {
            throw new BenchException("the package lists of this machine contain no cloud kernel: " + depends);
        }
        final Path directory = cache.resolve("package").toAbsolutePath();
        create(directory);
        Program.run(FETCH_LIMIT, "sh", "-c", "cd '" + directory + "' && apt-get download " + matcher.group());
        return newest(directory, path -> path.toString().endsWith(".deb"))
            .orElseThrow(() -> new BenchException("apt-get download " + matcher.group() + " downloaded no package"));
    }

    private static GuestKernel unpack(final Path deb, final Path directory) {
        create(directory);
        Program.run(UNPACK_LIMIT, "dpkg-deb", "-x", deb.toString(), directory.toString());
        return newest(directory.resolve("boot"), GuestKernel::isUsableImage).map(GuestKernel::ofImage)
            .orElseThrow(() -> new BenchException(deb + " contains no cloud kernel"));
    }

    private static void create(final Path directory) {
        try {
            Files.createDirectories(directory);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Optional<Path> newest(final Path directory, final Predicate<Path> wanted) {
        if (!Files.isDirectory(directory)) {
            return Optional.empty();
        }
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(wanted).max(Comparator.naturalOrder());
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns the file of a module, compressed or not. It is empty if the module is built in or does not exist. */
    Optional<Path> module(final String name) {
        final List<String> names = List.of(name + ".ko", name + ".ko.xz");
        try (Stream<Path> files = Files.walk(modules)) {
            return files.filter(file -> names.contains(file.getFileName().toString())).findFirst();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
