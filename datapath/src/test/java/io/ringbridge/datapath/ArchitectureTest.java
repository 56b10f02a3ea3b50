package io.ringbridge.datapath;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

/** The rules of {@code docs/architecture.md} that the compiler cannot enforce. */
@AnalyzeClasses(packages = "io.ringbridge.datapath", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule ONLY_OS_LINKS_NATIVE_CODE = noClasses().that().resideOutsideOfPackage("..datapath.os")
        .should().dependOnClassesThat().resideInAPackage("java.lang.foreign..");

    @ArchTest
    static final ArchRule ONLY_MEMORY_TOUCHES_RAW_ADDRESSES = noClasses()
        .that().doNotHaveFullyQualifiedName("io.ringbridge.datapath.memory.Memory")
        .should().dependOnClassesThat().haveFullyQualifiedName("org.agrona.UnsafeApi")
        .orShould().dependOnClassesThat().haveFullyQualifiedName("sun.misc.Unsafe");

    @ArchTest
    static final ArchRule NO_SOCKET_LOGGER_OR_FORMAT = noClasses()
        .should().dependOnClassesThat().resideInAnyPackage("java.net..", "java.nio.channels..", "java.util.logging..",
            "org.slf4j..", "ch.qos.logback..", "com.fasterxml..", "org.eclipse.jetty..", "picocli..", "org.newsclub..");

    @ArchTest
    static final ArchRule NO_LOCK_WHERE_FRAMES_MOVE = noClasses()
        .that().resideInAnyPackage("..datapath.ring", "..datapath.packet", "..datapath.frame", "..datapath.bridge")
        .should().dependOnClassesThat().resideInAnyPackage("java.util.concurrent.locks..")
        .orShould().dependOnClassesThat().haveFullyQualifiedName("java.util.concurrent.ConcurrentHashMap");

    @ArchTest
    static final ArchRule LAYERS = layeredArchitecture().consideringOnlyDependenciesInLayers()
        .layer("os").definedBy("..datapath.os")
        .layer("memory").definedBy("..datapath.memory")
        .layer("ring").definedBy("..datapath.ring")
        .layer("packet").definedBy("..datapath.packet")
        .layer("port").definedBy("..datapath.port")
        .layer("frame").definedBy("..datapath.frame")
        .layer("bridge").definedBy("..datapath.bridge")
        .layer("worker").definedBy("..datapath.worker")
        .layer("driver").definedBy("..datapath.driver")
        .whereLayer("worker").mayNotBeAccessedByAnyLayer()
        .whereLayer("driver").mayNotBeAccessedByAnyLayer()
        .whereLayer("bridge").mayOnlyBeAccessedByLayers("worker")
        .whereLayer("frame").mayOnlyBeAccessedByLayers("bridge", "worker")
        .whereLayer("port").mayOnlyBeAccessedByLayers("frame", "bridge", "worker", "driver")
        .whereLayer("packet").mayOnlyBeAccessedByLayers("port", "frame", "bridge", "worker")
        .whereLayer("ring").mayOnlyBeAccessedByLayers("packet", "port", "frame", "bridge", "worker",
            "driver");

    @ArchTest
    static final ArchRule NO_CYCLES = slices().matching("io.ringbridge.datapath.(*)..").should().beFreeOfCycles();
}
