package io.ringbridge.config;

import io.ringbridge.datapath.worker.DatapathOptions;
import io.ringbridge.datapath.worker.PollMode;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A whole configuration, checked.
 *
 * @param workers datapath threads, 1 to 64
 * @param cpus the processors they are pinned to, one a worker; empty for no pinning
 * @param poll what idle workers do
 * @param api the socket of the API where one was named; the default place otherwise
 * @param fdb the forwarding table
 * @param state where what has to outlive this process is kept
 * @param ports in the order they were written
 */
public record Config(int workers, List<Integer> cpus, PollMode poll, Optional<Path> api, Fdb fdb, State state,
                     List<PortConfig> ports) {
    /** The most datapath threads there may be. */
    public static final int MAX_WORKERS = 64;

    /** The forwarding table: how many stations, and how long one is remembered that is not heard of. */
    public record Fdb(int capacity, Duration ageing) {
        static final Fdb DEFAULT = new Fdb(DatapathOptions.DEFAULT.fdbCapacity(), DatapathOptions.DEFAULT.fdbAgeing());
    }

    /** What an empty file says. */
    public static final Config DEFAULT = new Config(DatapathOptions.DEFAULT.workers(), DatapathOptions.DEFAULT.cpus(),
        DatapathOptions.DEFAULT.poll(), Optional.empty(), Fdb.DEFAULT, new State.Default(), List.of());

    /** What of it the datapath has to know. */
    public DatapathOptions datapath() {
        return new DatapathOptions(workers, cpus, poll, fdb.capacity(), fdb.ageing());
    }

    /** The same with workers replaced. */
    public Config withWorkers(final int newWorkers, final List<Integer> newCpus) {
        return new Config(newWorkers, newCpus, poll, api, fdb, state, ports);
    }

    /** The same with what idle workers do replaced. */
    public Config withPoll(final PollMode newPoll) {
        return new Config(workers, cpus, newPoll, api, fdb, state, ports);
    }

    /** The same with the socket of the API replaced. */
    public Config withApi(final Path newApi) {
        return new Config(workers, cpus, poll, Optional.of(newApi), fdb, state, ports);
    }

    /** The same with the place of the state replaced. */
    public Config withState(final State newState) {
        return new Config(workers, cpus, poll, api, fdb, newState, ports);
    }

    /** The same with ports replaced. */
    public Config withPorts(final List<PortConfig> newPorts) {
        return new Config(workers, cpus, poll, api, fdb, state, List.copyOf(newPorts));
    }
}
