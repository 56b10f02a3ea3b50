package io.ringbridge.bench.compare;

/**
 * The processors and pages of a measurement, equal for every contender.
 *
 * @param generatorCpu the processor of the load, and of a contender's other threads
 * @param switchCpu    the processor of a contender's forwarding thread
 * @param hugepages    whether DPDK programs use huge pages
 */
record Placement(int generatorCpu, int switchCpu, boolean hugepages) {
}
