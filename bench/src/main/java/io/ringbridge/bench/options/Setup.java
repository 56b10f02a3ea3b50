package io.ringbridge.bench.options;

import java.util.List;

/**
 * The conditions of a measurement. Every result contains them.
 *
 * @param target the measured back-end
 * @param ports the number of its ports in use
 * @param rings the layout of the rings
 * @param ringSize entries of a transmit ring
 * @param hugePages whether the memory of the guests is in huge pages
 * @param processor the model of the processor
 * @param cpus processors of the threads that send and receive; empty if the threads are not pinned
 * @param switchCpus processors of the back-end's forwarding threads; empty if they are not pinned, or if the command
 * did not start the back-end
 */
public record Setup(String target, int ports, String rings, boolean inOrder, boolean mergeable, int pairs, int ringSize,
    boolean hugePages, String processor, List<Integer> cpus, List<Integer> switchCpus) {
    /** Returns a description for the report. */
    public String text() {
        return target + ", " + ringsText() + '\n' + processor + ", load on " + cpus(cpus)
            + (switchCpus.isEmpty() ? "" : ", back-end on " + cpus(switchCpus));
    }

    /** Returns a description of the ports and rings in one line. */
    public String ringsText() {
        return ports + " ports, " + rings + " rings of " + ringSize + (inOrder ? ", in order" : "")
            + (mergeable ? ", mergeable" : ", not mergeable") + ", " + pairs
            + (pairs == 1 ? " queue pair" : " queue pairs")
            + (hugePages ? ", guests in huge pages" : ", guests in small pages");
    }

    private static String cpus(final List<Integer> cpus) {
        return cpus.isEmpty() ? "any processor" : "processor " + cpus.toString().replaceAll("[\\[\\] ]", "");
    }
}
