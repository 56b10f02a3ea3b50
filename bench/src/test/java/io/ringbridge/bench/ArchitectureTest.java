package io.ringbridge.bench;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

/** The order of the packages in {@code docs/architecture.md}. */
@AnalyzeClasses(packages = "io.ringbridge.bench", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule LAYERS = layeredArchitecture().consideringOnlyDependenciesInLayers().withOptionalLayers(true)
        .layer("machine").definedBy("io.ringbridge.bench.machine")
        .layer("peer").definedBy("io.ringbridge.bench.peer")
        .layer("trial").definedBy("io.ringbridge.bench.trial")
        .layer("plot").definedBy("io.ringbridge.bench.plot")
        .layer("backend").definedBy("io.ringbridge.bench.backend")
        .layer("options").definedBy("io.ringbridge.bench.options")
        .layer("load").definedBy("io.ringbridge.bench.load")
        .layer("jmh").definedBy("io.ringbridge.bench.jmh")
        .layer("compare").definedBy("io.ringbridge.bench.compare")
        .layer("latency").definedBy("io.ringbridge.bench.latency")
        .layer("learning").definedBy("io.ringbridge.bench.learning")
        .layer("throughput").definedBy("io.ringbridge.bench.throughput")
        .whereLayer("throughput").mayNotBeAccessedByAnyLayer()
        .whereLayer("learning").mayNotBeAccessedByAnyLayer()
        .whereLayer("latency").mayOnlyBeAccessedByLayers("compare")
        .whereLayer("compare").mayNotBeAccessedByAnyLayer()
        .whereLayer("jmh").mayNotBeAccessedByAnyLayer()
        .whereLayer("load").mayOnlyBeAccessedByLayers("compare", "latency", "learning", "throughput")
        .whereLayer("options").mayOnlyBeAccessedByLayers("compare", "latency", "learning", "throughput")
        .whereLayer("plot").mayOnlyAccessLayers("trial", "machine")
        .whereLayer("trial").mayOnlyAccessLayers("peer", "machine")
        .whereLayer("backend").mayOnlyBeAccessedByLayers("options", "load", "compare", "latency", "learning",
            "throughput")
        .whereLayer("peer").mayOnlyAccessLayers("machine")
        .whereLayer("machine").mayNotAccessAnyLayer();

    @ArchTest
    static final ArchRule NO_CYCLES = slices().matching("io.ringbridge.bench.(**)").should().beFreeOfCycles();
}
