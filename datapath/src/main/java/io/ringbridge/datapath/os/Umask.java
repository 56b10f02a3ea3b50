package io.ringbridge.datapath.os;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

import static java.lang.foreign.ValueLayout.JAVA_INT;

/** The permissions that new files and directories of this process do not get. */
public final class Umask {
    private static final int ALL = 0777;
    // mode_t umask(mode_t mask), which cannot fail
    private static final MethodHandle UMASK = Linker.nativeLinker().downcallHandle(
        Linker.nativeLinker().defaultLookup().findOrThrow("umask"), FunctionDescriptor.of(JAVA_INT, JAVA_INT));

    private Umask() {
    }

    /**
     * Adds permissions to those that new files do not get. Called while no other thread creates files.
     *
     * @param permissions as in chmod
     */
    public static void withhold(final int permissions) {
        try {
            final int before = (int) UMASK.invokeExact(ALL);
            int _ = (int) UMASK.invokeExact(before | permissions);
        } catch (final Throwable t) {
            throw Libc.unexpected(t);
        }
    }
}
