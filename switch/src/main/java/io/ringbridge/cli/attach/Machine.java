package io.ringbridge.cli.attach;

import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The properties of a machine that its options depend on.
 *
 * @param memory the size in the syntax of QEMU, such as {@code 2G}
 * @param kvm whether KVM accelerates it
 * @param qemu returns the version of QEMU; called only if the options depend on it
 */
public record Machine(String memory, boolean kvm, Supplier<QemuVersion> qemu) {
    private static final Pattern SIZE = Pattern.compile("(\\d{1,9})([MGT]?)");
    private static final String UNITS = "MGT";

    /** Returns the memory in MiB; empty if the text is not a size. Like QEMU, takes a number without unit as MiB. */
    public static Optional<Long> mebibytes(final String memory) {
        final Matcher size = SIZE.matcher(memory);
        return size.matches()
            ? Optional.of(Long.parseLong(size.group(1)) << 10 * Math.max(0, UNITS.indexOf(size.group(2))))
            : Optional.empty();
    }

    long mebibytes() {
        return mebibytes(memory).orElseThrow();
    }
}
