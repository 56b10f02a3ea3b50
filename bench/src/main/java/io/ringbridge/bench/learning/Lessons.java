package io.ringbridge.bench.learning;

import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.trial.Probe;
import io.ringbridge.bench.trial.ThreadTimes;
import io.ringbridge.bench.trial.Watch;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** Gives lessons, observes the machine during each, and repeats those that fail while something disturbs them. */
final class Lessons {
    private static final int ATTEMPTS = 3;

    private final Classroom room;
    private final Probe probe;
    private final Collection<Integer> cpus;
    private final Output output;
    private final List<LearningReport.Step> steps = new ArrayList<>();

    Lessons(final Classroom room, final Probe probe, final Collection<Integer> cpus, final Output output) {
        this.room = room;
        this.probe = probe;
        this.cpus = cpus;
        this.output = output;
    }

    /** Returns all trials, in order. */
    List<LearningReport.Step> steps() {
        return steps;
    }

    /**
     * Teaches addresses. A trial in which the bridge forgot some counts only if it was undisturbed, or the third.
     *
     * @param perSecond addresses per second; infinite for as fast as the bridge accepts frames
     */
    Classroom.Lesson teach(final int addresses, final double perSecond) {
        Classroom.Lesson lesson = observed(addresses, perSecond);
        for (int i = 1; i < ATTEMPTS && !lesson.isLearned() && !steps.getLast().disturbances().isEmpty(); i++) {
            lesson = observed(addresses, perSecond);
        }
        return lesson;
    }

    private Classroom.Lesson observed(final int addresses, final double perSecond) {
        final String time = Instant.now().truncatedTo(ChronoUnit.MILLIS).toString();
        final Watch watch = new Watch(probe, cpus, room.pid() == 0 ? List.of() : List.of(room.pid()));
        watch.sample();
        watch.start();
        final ThreadTimes before = ThreadTimes.own();
        final Classroom.Lesson lesson = room.teach(addresses, perSecond);
        final ThreadTimes times = ThreadTimes.own().since(before);
        watch.stop();
        watch.sample();
        watch.add("load", times);
        final LearningReport.Step step = new LearningReport.Step(time, lesson.addresses(), lesson.addressesPerSecond(),
            lesson.isLearned(), watch.conditions(), watch.conditions().disturbances());
        steps.add(step);
        output.progress("%d addresses at %.0f/s: %s; %s%s", lesson.addresses(), lesson.addressesPerSecond(),
            lesson.isLearned() ? "all remembered" : "some forgotten", step.conditions().text(),
            step.disturbances().isEmpty() ? "" : "; disturbed: " + String.join(", ", step.disturbances()));
        return lesson;
    }
}
