package io.ringbridge.bench.options;

import java.util.List;

/**
 * Under which circumstances something was measured; a part of every result.
 *
 * @param target what was measured
 * @param ports how many of it
 * @param rings their layout
 * @param ringSize entries of a transmit ring
 * @param hugePages whether the memory of the guests is in huge pages
 * @param processor its model
 * @param cpus of the threads that send and receive; empty: not pinned
 * @param switchCpus of this switch's workers; empty: not pinned, or another back-end
 */
public record Setup(String target, int ports, String rings, boolean inOrder, boolean mergeable, int pairs, int ringSize, boolean hugePages,
    String processor, List<Integer> cpus, List<Integer> switchCpus) {
    /** For people. */
    public String text() {
        return target + ", " + ports + " ports, " + rings + " rings of " + ringSize + (inOrder ? ", in order" : "")
            + (mergeable ? ", mergeable" : ", not mergeable") + ", " + pairs + (pairs == 1 ? " queue pair" : " queue pairs")
            + (hugePages ? ", guests in huge pages\n" : ", guests in small pages\n")
            + processor + ", load on " + cpus(cpus) + (switchCpus.isEmpty() ? "" : ", switch on " + cpus(switchCpus));
    }

    private static String cpus(final List<Integer> cpus) {
        return cpus.isEmpty() ? "any processor" : "processor " + cpus.toString().replaceAll("[\\[\\] ]", "");
    }
}
