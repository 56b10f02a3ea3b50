package io.ringbridge.bench.compare;

/**
 * A trial of one system with one load.
 *
 * @param time  when it ended (UTC)
 * @param round the turn of the systems, from 1
 * @param limit the copy limit just before the system was started, in the unit of the rate: the rate of a processor that
 * does nothing but copy these frames
 */
record Trial(String time, int round, Work work, Contender contender, Measurement measurement, double limit) {
    double rate() {
        return measurement.rate();
    }

    double shareOfLimit() {
        return measurement.rate() / limit;
    }
}
