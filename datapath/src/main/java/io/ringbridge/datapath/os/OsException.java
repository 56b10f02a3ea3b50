package io.ringbridge.datapath.os;

/** The operating system refused a call. The message names the call, its object, and the error number. */
public final class OsException extends RuntimeException {
    OsException(final String what, final long negativeErrno) {
        super(what + ": " + name((int) -negativeErrno));
    }

    /** Creates an exception without an error number. */
    public OsException(final String message) {
        super(message);
    }

    private static String name(final int errno) {
        return switch (errno) {
            case 1 -> "not permitted (EPERM)";
            case 2 -> "no such file (ENOENT)";
            case 9 -> "bad descriptor (EBADF)";
            case 12 -> "out of memory (ENOMEM)";
            case 13 -> "permission denied (EACCES)";
            case 16 -> "in use (EBUSY)";
            case 19 -> "no such device (ENODEV)";
            case 22 -> "invalid argument (EINVAL)";
            case 24 -> "too many open files (EMFILE)";
            case 38 -> "not supported by this kernel (ENOSYS)";
            default -> "errno " + errno;
        };
    }
}
