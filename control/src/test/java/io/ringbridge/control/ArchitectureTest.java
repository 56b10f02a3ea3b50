package io.ringbridge.control;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

/** The order of the packages in {@code docs/architecture.md}. */
@AnalyzeClasses(packages = "io.ringbridge.control", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule LAYERS = layeredArchitecture().consideringOnlyDependenciesInLayers()
        .layer("protocol").definedBy("io.ringbridge.control.protocol")
        .layer("trace").definedBy("io.ringbridge.control.trace")
        .layer("transport").definedBy("io.ringbridge.control.transport")
        .layer("handover").definedBy("io.ringbridge.control.handover")
        .layer("event").definedBy("io.ringbridge.control.event")
        .layer("link").definedBy("io.ringbridge.control")
        .layer("backend.ring").definedBy("io.ringbridge.control.backend.ring")
        .layer("backend.memory").definedBy("io.ringbridge.control.backend.memory")
        .layer("backend.migration").definedBy("io.ringbridge.control.backend.migration")
        .layer("backend").definedBy("io.ringbridge.control.backend")
        .layer("frontend").definedBy("io.ringbridge.control.frontend")
        .layer("uplink").definedBy("io.ringbridge.control.uplink")
        .layer("capture").definedBy("io.ringbridge.control.capture")
        .whereLayer("capture").mayNotBeAccessedByAnyLayer()
        .whereLayer("uplink").mayNotBeAccessedByAnyLayer()
        .whereLayer("frontend").mayOnlyBeAccessedByLayers("uplink")
        .whereLayer("backend").mayNotBeAccessedByAnyLayer()
        .whereLayer("backend.migration").mayOnlyBeAccessedByLayers("backend")
        .whereLayer("backend.memory").mayOnlyBeAccessedByLayers("backend")
        .whereLayer("backend.ring").mayOnlyBeAccessedByLayers("backend.memory", "backend.migration", "backend")
        .whereLayer("link").mayOnlyBeAccessedByLayers("backend", "uplink")
        .whereLayer("event").mayOnlyBeAccessedByLayers("backend", "uplink")
        .whereLayer("handover").mayOnlyBeAccessedByLayers("link", "backend.ring", "backend.memory", "backend.migration",
            "backend", "uplink")
        .whereLayer("trace").mayOnlyBeAccessedByLayers("backend")
        .whereLayer("transport").mayOnlyBeAccessedByLayers("handover", "backend.ring", "backend.memory",
            "backend.migration", "backend", "frontend", "uplink")
        .whereLayer("protocol").mayOnlyBeAccessedByLayers("trace", "transport", "handover", "backend.ring",
            "backend.memory", "backend.migration", "backend", "frontend", "uplink");

    @ArchTest
    static final ArchRule NO_CYCLES = slices().matching("io.ringbridge.control.(**)").should().beFreeOfCycles();
}
