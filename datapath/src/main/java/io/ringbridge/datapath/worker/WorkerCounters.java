package io.ringbridge.datapath.worker;

/**
 * A reading of one worker's counters, all since the start but for the longest cycle. Unlike a {@link WorkerStatus}, it
 * resets nothing.
 *
 * @param index the worker's number
 * @param busySeconds the time in duty cycles with work
 * @param idleSeconds the time in duty cycles without work, and asleep
 * @param busyTicks the ticks of the time stamp counter in duty cycles with work; 0 if its rate is unknown
 * @param deliveredFrames the frames delivered
 * @param polls the polls that found frames
 * @param polledFrames the frames taken in these polls
 * @param longestCycleSeconds the longest duty cycle with work in the present minute and the one before
 * @param stalls the number of duty cycles longer than 10 ms
 */
public record WorkerCounters(int index, double busySeconds, double idleSeconds, double busyTicks, long deliveredFrames,
                             long polls, long polledFrames, double longestCycleSeconds, long stalls) {
}
