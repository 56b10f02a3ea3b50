package io.ringbridge.config;

import io.ringbridge.control.transport.SocketAccess;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.worker.PollMode;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A complete, validated configuration.
 *
 * @param workers the number of datapath threads, 1 to 64
 * @param cpus the processors to pin the workers to, one per worker; empty for no pinning
 * @param poll the behaviour of idle workers
 * @param api the socket of the API
 * @param http the address of the API, the metrics and the page over TCP; empty for none
 * @param fdb the forwarding table
 * @param recordedFrames the number of frames per queue pair that are kept for a trace; 0 for none
 * @param latencySample the latency of one of this many frames is measured; 0 for none
 * @param state the place for state that outlives this process
 * @param ports in the order of the file
 * @param mirrors in the order of the file; {@link MirrorConfig#checkTogether} checks them against the ports
 */
public record Config(int workers, List<Integer> cpus, PollMode poll, Api api, Optional<Http> http, Fdb fdb,
                     int recordedFrames, int latencySample, State state, List<PortConfig> ports,
                     List<MirrorConfig> mirrors) {
    /** The maximum number of datapath threads. */
    public static final int MAX_WORKERS = 64;
    /** The maximum of {@link #recordedFrames}. */
    static final int MAX_RECORDED_FRAMES = 65536;

    /**
     * The socket of the API.
     *
     * @param socket empty for the default path
     */
    public record Api(Optional<Path> socket, SocketAccess access) {
        static final Api DEFAULT = new Api(Optional.empty(), SocketAccess.DEFAULT);
    }

    /**
     * The forwarding table.
     *
     * @param capacity the maximum number of stations
     * @param ageing the time after which a silent station is removed
     */
    public record Fdb(int capacity, Duration ageing) {
        static final Fdb DEFAULT = new Fdb(DatapathOptions.DEFAULT.fdbCapacity(), DatapathOptions.DEFAULT.fdbAgeing());
    }

    /** The largest number of frames per latency sample. */
    static final int MAX_LATENCY_SAMPLE = 1 << 30;

    /** The configuration of an empty file. */
    public static final Config DEFAULT = new Config(DatapathOptions.DEFAULT.workers(), DatapathOptions.DEFAULT.cpus(),
        DatapathOptions.DEFAULT.poll(), Api.DEFAULT, Optional.empty(), Fdb.DEFAULT,
        DatapathOptions.RECORDED_FRAMES, DatapathOptions.LATENCY_SAMPLE, new State.Default(), List.of(),
        List.of());

    /** Returns the options of the datapath. */
    public DatapathOptions datapath() {
        return new DatapathOptions(workers, cpus, poll, fdb.capacity(), fdb.ageing(), recordedFrames, latencySample);
    }

    /** Returns a copy with other workers. */
    public Config withWorkers(final int newWorkers, final List<Integer> newCpus) {
        return new Config(newWorkers, newCpus, poll, api, http, fdb, recordedFrames, latencySample, state, ports,
            mirrors);
    }

    /** Returns a copy with another poll mode. */
    public Config withPoll(final PollMode newPoll) {
        return new Config(workers, cpus, newPoll, api, http, fdb, recordedFrames, latencySample, state, ports, mirrors);
    }

    /** Returns a copy with another API socket. */
    public Config withApi(final Path newApi) {
        return new Config(workers, cpus, poll, new Api(Optional.of(newApi), api.access()), http, fdb, recordedFrames,
            latencySample, state, ports, mirrors);
    }

    /** Returns a copy with another place for the state. */
    public Config withState(final State newState) {
        return new Config(workers, cpus, poll, api, http, fdb, recordedFrames, latencySample, newState, ports, mirrors);
    }

    /** Returns a copy with other ports. */
    public Config withPorts(final List<PortConfig> newPorts) {
        return new Config(workers, cpus, poll, api, http, fdb, recordedFrames, latencySample,
            state, List.copyOf(newPorts), mirrors);
    }

    /** Returns a copy with other mirrors. */
    public Config withMirrors(final List<MirrorConfig> newMirrors) {
        return new Config(workers, cpus, poll, api, http, fdb, recordedFrames, latencySample, state, ports,
            List.copyOf(newMirrors));
    }
}
