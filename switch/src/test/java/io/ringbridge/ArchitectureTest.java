package io.ringbridge;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

/** The order of the packages in {@code docs/architecture.md}. */
@AnalyzeClasses(packages = {"io.ringbridge.config", "io.ringbridge.api", "io.ringbridge.app", "io.ringbridge.cli"},
    importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule LAYERS = layeredArchitecture().consideringOnlyDependenciesInLayers()
        .layer("config").definedBy("io.ringbridge.config")
        .layer("api").definedBy("io.ringbridge.api")
        .layer("diagnosis").definedBy("io.ringbridge.app.diagnosis")
        .layer("metrics").definedBy("io.ringbridge.app.metrics")
        .layer("app").definedBy("io.ringbridge.app")
        .layer("demo").definedBy("io.ringbridge.app.demo")
        .layer("attach").definedBy("io.ringbridge.cli.attach")
        .layer("top").definedBy("io.ringbridge.cli.top")
        .layer("cli").definedBy("io.ringbridge.cli")
        .whereLayer("cli").mayNotBeAccessedByAnyLayer()
        .whereLayer("attach").mayOnlyBeAccessedByLayers("cli")
        .whereLayer("top").mayOnlyBeAccessedByLayers("cli")
        .whereLayer("demo").mayOnlyBeAccessedByLayers("cli")
        .whereLayer("app").mayOnlyBeAccessedByLayers("demo", "cli")
        .whereLayer("diagnosis").mayOnlyBeAccessedByLayers("app")
        .whereLayer("metrics").mayOnlyBeAccessedByLayers("app")
        .whereLayer("api").mayOnlyBeAccessedByLayers("app", "demo", "top", "cli")
        .whereLayer("config").mayOnlyBeAccessedByLayers("api", "app", "demo", "attach", "cli");

    @ArchTest
    static final ArchRule NO_CYCLES = slices().matching("io.ringbridge.(**)").should().beFreeOfCycles();
}
