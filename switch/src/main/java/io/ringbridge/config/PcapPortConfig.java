package io.ringbridge.config;

import io.ringbridge.config.Places.Place;
import io.ringbridge.control.uplink.PcapOptions;
import io.ringbridge.datapath.os.PacketSocket.Direction;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The configuration of a port for an interface of the host or for capture files. */
public record PcapPortConfig(PortValues values) implements PortConfig {
    /** The pace of a replay. */
    enum Speed { RECORDED, FULL }

    /** Returns 1: such a port has one queue. */
    @Override
    public int queues() {
        return 1;
    }

    /** Whether the port is for an interface; otherwise it is for files. */
    public boolean isLive() {
        return values.has(PortKey.INTERFACE);
    }

    /** Returns the options of the interface or the files. */
    public PcapOptions options() {
        final int snapLength = values.find(PortKey.SNAPLEN, Integer.class).orElse(0);
        return isLive() ? new PcapOptions(device().orElseThrow(), values.get(PortKey.DIRECTION, Direction.class),
            values.get(PortKey.RING_SIZE, Integer.class), null, false, null, snapLength)
            : PcapOptions.files(read().orElse(null),
                values.find(PortKey.SPEED, Speed.class).orElse(Speed.RECORDED) == Speed.FULL, write().orElse(null),
                snapLength);
    }

    /** Whether the port takes frames; otherwise it only replays a capture. */
    boolean takesFrames() {
        return isLive() || write().isPresent();
    }

    private Optional<String> device() {
        return values.find(PortKey.INTERFACE, String.class);
    }

    private Optional<Path> read() {
        return values.find(PortKey.READ, Path.class);
    }

    private Optional<Path> write() {
        return values.find(PortKey.WRITE, Path.class);
    }

    /** Refuses a port without an interface and files, and a port that writes the file that it reads. */
    void check(final Section section) {
        if (places().isEmpty()) {
            throw section.missing(PortKey.INTERFACE.word(),
                PortKey.INTERFACE.allowed() + "; or read, write or both with the paths of capture files");
        }
        if (read().isPresent() && read().map(PcapPortConfig::absolute).equals(write().map(PcapPortConfig::absolute))) {
            throw section.error(PortKey.WRITE.word(),
                write().orElseThrow() + " is the capture to read; write to another file");
        }
    }

    private static Path absolute(final Path path) {
        return path.toAbsolutePath().normalize();
    }

    @Override
    public List<Place> places() {
        return Stream.of(device().map(device -> Place.device(PortKey.INTERFACE, device, true)),
            write().map(file -> Place.file(PortKey.WRITE, file, true)),
            read().map(file -> Place.file(PortKey.READ, file, false))).flatMap(Optional::stream).toList();
    }
}
