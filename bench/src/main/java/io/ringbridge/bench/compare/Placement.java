package io.ringbridge.bench.compare;

/**
 * Who runs where, which is the same for every contender.
 *
 * @param generatorCpu for the load, and for what a contender has beside its forwarding thread
 * @param switchCpu    for the one thread that forwards
 * @param hugepages    whether DPDK programs use them
 */
record Placement(int generatorCpu, int switchCpu, boolean hugepages) {
}
