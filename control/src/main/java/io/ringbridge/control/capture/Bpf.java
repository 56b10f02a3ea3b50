package io.ringbridge.control.capture;

import io.ringbridge.datapath.os.OsException;
import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.List;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/**
 * The functions of libpcap that compile and run filters. pcap4j is not used, because it allocates for each packet that
 * it filters. The library is loaded with the first filter.
 *
 * <p>Any thread may call.
 */
final class Bpf {
    private static final List<String> LIBRARIES = List.of("libpcap.so.0.8", "libpcap.so.1", "libpcap.so");
    private static final int ETHERNET = 1;
    private static final int SNAP_LENGTH = 1 << 18;
    private static final int OPTIMIZE = 1;
    private static final int NETMASK_UNKNOWN = -1;
    private static final long MAX_MESSAGE = 256;
    /** The bytes of {@code struct bpf_program}: a length, padding, and a pointer to the instructions. */
    private static final long PROGRAM = 16;
    private static final long INSTRUCTIONS = 8;

    private static @Nullable Bpf loaded;

    private final SymbolLookup library;
    // pcap_t *pcap_open_dead(int linktype, int snaplen)
    private final MethodHandle openDead;
    // int pcap_compile(pcap_t *p, struct bpf_program *fp, const char *str, int optimize, bpf_u_int32 netmask)
    private final MethodHandle compile;
    // char *pcap_geterr(pcap_t *p)
    private final MethodHandle getError;
    // void pcap_close(pcap_t *p)
    private final MethodHandle closeHandle;
    // void pcap_freecode(struct bpf_program *fp)
    private final MethodHandle freeCode;
    // u_int bpf_filter(const struct bpf_insn *insns, const u_char *packet, u_int wirelen, u_int buflen)
    private final MethodHandle filter;

    private Bpf(final SymbolLookup library) {
        this.library = library;
        openDead = function("pcap_open_dead", FunctionDescriptor.of(ADDRESS, JAVA_INT, JAVA_INT));
        compile = function("pcap_compile",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT));
        getError = function("pcap_geterr", FunctionDescriptor.of(
            ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(MAX_MESSAGE, JAVA_BYTE)),
            ADDRESS));
        closeHandle = function("pcap_close", FunctionDescriptor.ofVoid(ADDRESS));
        freeCode = function("pcap_freecode", FunctionDescriptor.ofVoid(ADDRESS));
        filter = function("bpf_filter",
            FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT));
    }

    private MethodHandle function(final String name, final FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), descriptor);
    }

    /**
     * Returns the library.
     *
     * @throws OsException if it is not installed
     */
    static synchronized Bpf load() {
        Bpf bpf = loaded;
        for (int i = 0; bpf == null && i < LIBRARIES.size(); i++) {
            final SymbolLookup library = find(LIBRARIES.get(i));
            bpf = library == null ? null : new Bpf(library);
        }
        if (bpf == null) {
            throw new OsException("libpcap is needed for filters (Debian: apt install libpcap0.8)");
        }
        loaded = bpf;
        return bpf;
    }

    private static @Nullable SymbolLookup find(final String name) {
        try {
            return SymbolLookup.libraryLookup(name, Arena.global());
        } catch (IllegalArgumentException _) {
            return null;
        }
    }

    /**
     * Compiles an expression for Ethernet frames.
     *
     * @return the program, which the caller {@linkplain #free frees}
     * @throws IllegalArgumentException with libpcap's message if the expression is invalid
     */
    MemorySegment compile(final String expression) {
        final MemorySegment program = Arena.ofAuto().allocate(PROGRAM, Long.BYTES);
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment handle = (MemorySegment) openDead.invokeExact(ETHERNET, SNAP_LENGTH);
            final int result = (int) compile.invokeExact(handle, program, arena.allocateFrom(expression), OPTIMIZE,
                NETMASK_UNKNOWN);
            final String message = result == 0 ? "" : ((MemorySegment) getError.invokeExact(handle)).getString(0);
            closeHandle.invokeExact(handle);
            if (result != 0) {
                throw new IllegalArgumentException(message.replace('\n', ' '));
            }
            return program;
        } catch (final RuntimeException | Error e) {
            throw e;
        } catch (final Throwable e) {
            throw new AssertionError(e); // native functions declare Throwable and throw nothing
        }
    }

    /** Returns the address of a program's instructions. */
    static long instructions(final MemorySegment program) {
        return program.get(JAVA_LONG, INSTRUCTIONS);
    }

    /**
     * Runs a program.
     *
     * @param instructions the address of its instructions
     * @param packet the address of the packet
     * @param length the bytes of the packet on the wire
     * @param captured the bytes at the address
     * @return whether the program accepts the packet
     */
    boolean accepts(final long instructions, final long packet, final int length, final int captured) {
        try {
            return (int) filter.invokeExact(instructions, packet, length, captured) != 0;
        } catch (final Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** Frees the instructions of a program. */
    void free(final MemorySegment program) {
        try {
            freeCode.invokeExact(program);
        } catch (final Throwable e) {
            throw new AssertionError(e);
        }
    }
}
