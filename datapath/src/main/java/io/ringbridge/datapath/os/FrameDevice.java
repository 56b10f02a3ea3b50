package io.ringbridge.datapath.os;

/**
 * One queue of an uplink: gives frames and takes them, each behind a virtio-net header of {@link #HEADER} bytes, and never blocks.
 *
 * <p>Read, written, armed and disarmed by the worker that owns it; opened and closed by whoever drives the port.
 */
public interface FrameDevice {
    /** Bytes of the virtio-net header before each frame, as with VERSION_1 (virtio 1.2, section 5.1.6). */
    int HEADER = 12;
    /** What {@link #read} and {@link #write} answer when there is no frame, or no room for one. */
    long AGAIN = -Libc.EAGAIN;
    /** The result of {@link #write} for a header that asks for what the device does not do. */
    long INVALID = -Libc.EINVAL;
    /** The result of {@link #read} and {@link #write} if the device is no more. */
    long GONE = -Libc.ENODEV;
    /** What {@link #write} answers while the device is down. */
    long DOWN = -Libc.EIO;

    /**
     * Whether frames that are written may leave checksums and segments to the device. If not, their headers ask for
     * nothing.
     */
    boolean offloads();

    /**
     * Reads one frame, with its header before it.
     *
     * @return its length with the header; {@link #AGAIN}, or another negative number, which {@link #isGone} tells the meaning of
     */
    long read(long address, int length);

    /**
     * Writes one frame, with its header before it.
     *
     * @param iovecs the address of an array of {@code struct iovec}, two words each; the first is the header
     * @return negative when it was not taken: {@link #AGAIN}, {@link #DOWN}, or what {@link #isGone} tells the meaning of
     */
    long write(long iovecs, int count);

    /** Lets what was written go on its way, once a burst. */
    void flush();

    /** A descriptor that is readable while the device is armed and has a frame, or is gone. */
    int fd();

    /** Asks that the descriptor become readable with the next frame; true when there is one already. */
    boolean arm();

    /** Asks that it be left alone. */
    void disarm();

    /** Returns the reason that the device is no more, for messages. */
    default String fault() {
        return "the device is gone";
    }

    /** Whether an answer means that the device is no more. */
    static boolean isGone(final long answer) {
        return answer == -Libc.EBADFD || answer == GONE;
    }
}
