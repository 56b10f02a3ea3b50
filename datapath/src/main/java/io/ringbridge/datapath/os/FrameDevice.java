package io.ringbridge.datapath.os;

/**
 * One queue of an uplink: reads and writes frames, each after a virtio-net header of {@link #HEADER} bytes, and never
 * blocks.
 *
 * <p>Read, written, armed and disarmed by the worker that owns it; opened and closed by the thread that drives the
 * port.
 */
public interface FrameDevice {
    /** Bytes of the virtio-net header before each frame, as with VERSION_1 (virtio 1.2, section 5.1.6). */
    int HEADER = 12;
    /** The result of {@link #read} without a frame to read, and of {@link #write} without room. */
    long AGAIN = -Libc.EAGAIN;
    /** The result of {@link #write} for a header that requests something the device does not support. */
    long INVALID = -Libc.EINVAL;
    /** The result of {@link #read} and {@link #write} if the device no longer exists. */
    long GONE = -Libc.ENODEV;
    /** The result of {@link #write} while the device is down. */
    long DOWN = -Libc.EIO;

    /**
     * Whether the device completes checksums and cuts segments of the frames that are written. If not, their headers
     * must not request anything.
     */
    boolean offloads();

    /**
     * Reads one frame, including its header.
     *
     * @return the length including the header, {@link #AGAIN}, or another negative number to pass to {@link #isGone}
     */
    long read(long address, int length);

    /**
     * Writes one frame, including its header.
     *
     * @param iovecs the address of an array of {@code struct iovec}, two words each; the first is the header
     * @return negative if the frame was not written: {@link #AGAIN}, {@link #DOWN}, {@link #INVALID}, or another number
     *     to pass to {@link #isGone}
     */
    long write(long iovecs, int count);

    /** Sends the frames that were written. Called once per burst. */
    void flush();

    /** Returns a descriptor that is readable while the device is armed and has a frame, or is gone. */
    int fd();

    /**
     * Arms the device: its descriptor becomes readable with the next frame.
     *
     * @return whether there is a frame already
     */
    boolean arm();

    /** Disarms the device: frames no longer make its descriptor readable. */
    void disarm();

    /**
     * Returns the time in nanoseconds before a device without frames is read again. A read that is a system call delays
     * the frames of other queues.
     */
    default long backOffNanos() {
        return 10_000;
    }

    /** Returns the reason why the device no longer exists, for messages. */
    default String fault() {
        return "the device is gone";
    }

    /** Whether a result means that the device no longer exists. */
    static boolean isGone(final long answer) {
        return answer == -Libc.EBADFD || answer == GONE;
    }
}
