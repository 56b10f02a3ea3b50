package io.ringbridge.datapath;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

import java.util.List;
import java.util.stream.Stream;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

/** The rules of {@code docs/architecture.md} that the compiler cannot enforce. */
@AnalyzeClasses(packages = "io.ringbridge.datapath", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String ROOT = "io.ringbridge.datapath";
    /** The packages in the order in which a frame passes them. */
    private static final List<String> WAY =
        Stream.of("os", "memory", "ring", "packet", "port", "frame", "bridge", "forward", "worker")
            .map(name -> ROOT + "." + name).toList();
    /** The driver's side of a queue, for guests in this process. */
    private static final String DRIVER = ROOT + ".driver";

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
        .that().resideInAnyPackage("..datapath.ring", "..datapath.packet", "..datapath.frame", "..datapath.bridge",
            "..datapath.forward")
        .should().dependOnClassesThat().resideInAnyPackage("java.util.concurrent.locks..")
        .orShould().dependOnClassesThat().haveFullyQualifiedName("java.util.concurrent.ConcurrentHashMap");

    @ArchTest
    static final ArchRule EVERY_PACKAGE_IS_LISTED = classes()
        .should().resideInAnyPackage(Stream.concat(Stream.of(ROOT, DRIVER), WAY.stream()).toArray(String[]::new));

    @ArchTest
    static void eachPackageUsesOnlyThoseBeforeIt(final JavaClasses classes) {
        for (int i = 0; i < WAY.size(); i++) {
            final List<String> after = WAY.subList(i + 1, WAY.size());
            noClasses().that().resideInAPackage(WAY.get(i)).should().dependOnClassesThat()
                .resideInAnyPackage(Stream.concat(Stream.of(ROOT, DRIVER), after.stream()).toArray(String[]::new))
                .check(classes);
        }
    }

    @ArchTest
    static final ArchRule THE_DRIVER_KNOWS_NO_BRIDGE = noClasses().that().resideInAPackage(DRIVER)
        .should().dependOnClassesThat().resideInAnyPackage(ROOT, ROOT + ".packet", ROOT + ".frame", ROOT + ".bridge",
            ROOT + ".forward", ROOT + ".worker");

    @ArchTest
    static final ArchRule NO_CYCLES = slices().matching("io.ringbridge.datapath.(*)..").should().beFreeOfCycles();
}
