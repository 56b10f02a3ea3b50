package io.ringbridge.cli.attach;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A version of QEMU and the options that depend on it. */
public record QemuVersion(int major, int minor) {
    private static final QemuVersion DEFAULT = new QemuVersion(7, 2);
    private static final String PROGRAM = "qemu-system-x86_64";
    private static final int PATIENCE_SECONDS = 5;
    private static final int MAX_OUTPUT = 4096;
    private static final Pattern PRINTED = Pattern.compile("version (\\d{1,3}\\.\\d{1,3})");
    private static final Pattern VERSION = Pattern.compile("(\\d{1,3})(?:\\.(\\d{1,3}))?(?:\\.\\d+)*");

    /** Reads a version such as {@code 7.2.22}; the result is empty if the text is none. */
    public static Optional<QemuVersion> parse(final String text) {
        final Matcher version = VERSION.matcher(text);
        return version.matches() ? Optional.of(new QemuVersion(Integer.parseInt(version.group(1)),
            version.group(2) == null ? 0 : Integer.parseInt(version.group(2)))) : Optional.empty();
    }

    /** Returns the version of the program on PATH, or 7.2 if there is none or it does not answer. */
    public static QemuVersion installed() {
        try {
            final Process process = new ProcessBuilder(PROGRAM, "--version").redirectErrorStream(true).start();
            try {
                process.getOutputStream().close();
                if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                    return DEFAULT;
                }
                final String out = new String(process.getInputStream().readNBytes(MAX_OUTPUT), StandardCharsets.UTF_8);
                final Matcher printed = PRINTED.matcher(out);
                return printed.find() ? parse(printed.group(1)).orElse(DEFAULT) : DEFAULT;
            } finally {
                process.destroyForcibly();
            }
        } catch (IOException _) {
            return DEFAULT;
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            return DEFAULT;
        }
    }

    /** Returns the option that makes QEMU reconnect to a socket. */
    String reconnect() {
        return isAtLeast(9, 2) ? ",reconnect-ms=1000" : ",reconnect=1";
    }

    /** Whether this version crashes without KVM as soon as a driver uses MSI-X with a vhost-user device. */
    boolean crashesWithVectors() {
        return isAtLeast(7, 0) && !isAtLeast(8, 0);
    }

    private boolean isAtLeast(final int otherMajor, final int otherMinor) {
        return major > otherMajor || major == otherMajor && minor >= otherMinor;
    }
}
