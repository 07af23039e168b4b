package io.spdkio.sys;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayList;
import java.util.List;

/**
 * What the generated bindings stand on. Nobody else needs it.
 *
 * <p>Signatures are a letter for the result and one for each argument: V void, Z bool, B, S, I and J integers of 8, 16,
 * 32 and 64 bits, F float, D double, P pointer, T a struct by value, whose layouts follow in order.
 */
public final class RawSupport {
    /** C's bool. */
    public static final ValueLayout.OfBoolean BOOL = ValueLayout.JAVA_BOOLEAN;

    /** An integer of 8 bits. */
    public static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    /** An integer of 16 bits, wherever it lies. */
    public static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    /** An integer of 32 bits, wherever it lies. */
    public static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    /** An integer of 64 bits, wherever it lies. */
    public static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    /** A float, wherever it lies. */
    public static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /** A double, wherever it lies. */
    public static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED;

    /** A pointer, wherever it lies. */
    public static final java.lang.foreign.AddressLayout POINTER = ValueLayout.ADDRESS_UNALIGNED;

    private static final System.Logger LOG = System.getLogger("io.spdkio.sys");

    private RawSupport() {}

    /**
     * Loads the library unless that has been done.
     *
     * @throws NativeException when there is none
     */
    public static void ensureLoaded() {
        SpdkLibrary.load();
    }

    /**
     * Binds a function of the loaded library.
     *
     * @param symbol its name
     * @param signature its types
     * @param structs the layouts of structs by value
     * @return a handle; when the linked SPDK has no such function, one that throws an error that says so
     */
    public static MethodHandle bind(String symbol, String signature, MemoryLayout... structs) {
        FunctionDescriptor descriptor = descriptor(signature, structs);
        SpdkLibrary library = SpdkLibrary.load();
        return library.find(symbol)
                .map(address -> downcall(address, descriptor))
                .orElseGet(() -> missing(library, symbol, descriptor));
    }

    /**
     * Binds a variadic function for the arguments of one kind of call.
     *
     * @param symbol its name
     * @param signature the types it names
     * @param more the types that follow; C's promotions are the caller's to make
     * @return a handle for invokeExact
     */
    public static MethodHandle variadic(String symbol, String signature, MemoryLayout... more) {
        FunctionDescriptor fixed = descriptor(signature);
        SpdkLibrary library = SpdkLibrary.load();
        FunctionDescriptor descriptor = fixed.appendArgumentLayouts(more);
        return library.find(symbol)
                .map(address ->
                        downcall(address, descriptor, Linker.Option.firstVariadicArg(fixed.argumentLayouts().size())))
                .orElseGet(() -> missing(library, symbol, descriptor));
    }

    /**
     * Makes a function pointer that calls Java. Nothing that Java throws reaches C: it is logged, and C gets zero.
     *
     * @param type the functional interface
     * @param function called, through the interface's {@code apply}
     * @param signature its types
     * @param arena frees it
     * @param structs the layouts of structs by value
     * @return the function pointer
     */
    @SuppressWarnings("restricted")
    public static MemorySegment stub(
            Class<?> type, Object function, String signature, Arena arena, MemoryLayout... structs) {
        FunctionDescriptor descriptor = descriptor(signature, structs);
        MethodType methodType = descriptor.toMethodType();
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            MethodHandle call = lookup.findVirtual(type, "apply", methodType).bindTo(function);
            MethodHandle log =
                    lookup.findStatic(
                                    RawSupport.class,
                                    "logThrown",
                                    MethodType.methodType(void.class, String.class, Throwable.class))
                            .bindTo(type.getSimpleName());
            Class<?> result = methodType.returnType();
            MethodHandle zero =
                    result == MemorySegment.class
                            ? MethodHandles.constant(MemorySegment.class, MemorySegment.NULL)
                            : MethodHandles.zero(result);
            MethodHandle handler = result == void.class ? log : MethodHandles.filterReturnValue(log, zero);
            MethodHandle guarded = MethodHandles.catchException(call, Throwable.class, handler);
            return Linker.nativeLinker().upcallStub(guarded, descriptor, arena);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(type + " has no apply" + methodType, e);
        }
    }

    @SuppressWarnings("unused") // by the handle above
    private static void logThrown(String callback, Throwable thrown) {
        LOG.log(System.Logger.Level.ERROR, callback + " threw; SPDK was told 0", thrown);
    }

    /**
     * What a binding throws for what its handle threw.
     *
     * @param thrown the handle's
     * @return never
     */
    public static RuntimeException thrown(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        if (thrown instanceof RuntimeException runtime) {
            return runtime;
        }
        throw new AssertionError(thrown);
    }

    /**
     * The layout of a struct as a block of integers, which is how C passes one without floating-point fields by value.
     *
     * @param name its name
     * @param bytes its size
     * @param alignment its alignment in bytes
     * @return the layout
     */
    public static MemoryLayout layout(String name, long bytes, long alignment) {
        ValueLayout unit =
                switch ((int) Math.min(alignment, 8)) {
                    case 1 -> ValueLayout.JAVA_BYTE;
                    case 2 -> ValueLayout.JAVA_SHORT;
                    case 4 -> ValueLayout.JAVA_INT;
                    default -> ValueLayout.JAVA_LONG;
                };
        return MemoryLayout.structLayout(MemoryLayout.sequenceLayout(bytes / unit.byteSize(), unit))
                .withByteAlignment(alignment)
                .withName(name);
    }

    /**
     * Allocates a zeroed struct.
     *
     * @param allocator where from
     * @param name the struct's name
     * @param layout its layout
     * @return the struct
     * @throws NativeException when the library is loaded and has another layout for it
     */
    public static MemorySegment allocate(SegmentAllocator allocator, String name, MemoryLayout layout) {
        SpdkLibrary.requireSameLayout(name);
        return allocator.allocate(layout.byteSize(), Math.max(8, layout.byteAlignment())).fill((byte) 0);
    }

    /**
     * Gives a pointer the size of its struct.
     *
     * @param pointer from C
     * @param name the struct's name
     * @param bytes its size
     * @return the struct
     * @throws NativeException when the library is loaded and has another layout for it
     */
    @SuppressWarnings("restricted")
    public static MemorySegment struct(MemorySegment pointer, String name, long bytes) {
        SpdkLibrary.requireSameLayout(name);
        if (pointer.address() == 0) {
            throw new NullPointerException("a null pointer is no " + name);
        }
        return pointer.reinterpret(bytes);
    }

    /**
     * Reads a bit field.
     *
     * @param struct where it is
     * @param offset its first byte
     * @param bytes how many bytes it touches
     * @param shift its first bit in those
     * @param width how many bits it has
     * @return its value, without a sign
     */
    public static long bits(MemorySegment struct, long offset, long bytes, int shift, int width) {
        long value = 0;
        for (long i = bytes - 1; i >= 0; i--) {
            value = (value << 8) | Byte.toUnsignedLong(struct.get(BYTE, offset + i));
        }
        return (value >>> shift) & mask(width);
    }

    /**
     * Writes a bit field and leaves its neighbours as they are.
     *
     * @param struct where it is
     * @param offset its first byte
     * @param bytes how many bytes it touches
     * @param shift its first bit in those
     * @param width how many bits it has
     * @param value its new value
     */
    public static void bits(MemorySegment struct, long offset, long bytes, int shift, int width, long value) {
        long mask = mask(width) << shift;
        long bits = (value << shift) & mask;
        for (long i = 0; i < bytes; i++) {
            int byteMask = (int) (mask >>> (8 * i)) & 0xff;
            int others = struct.get(BYTE, offset + i) & ~byteMask;
            struct.set(BYTE, offset + i, (byte) (others | ((int) (bits >>> (8 * i)) & byteMask)));
        }
    }

    private static long mask(int width) {
        return width == 64 ? -1 : (1L << width) - 1;
    }

    @SuppressWarnings("restricted")
    static MethodHandle downcall(MemorySegment address, FunctionDescriptor descriptor, Linker.Option... options) {
        return Linker.nativeLinker().downcallHandle(address, descriptor, options);
    }

    private static MethodHandle missing(SpdkLibrary library, String symbol, FunctionDescriptor descriptor) {
        String what =
                symbol.replace("spdkio_inline_", "")
                        + " is not in the linked SPDK ("
                        + library.spdkVersion()
                        + ", "
                        + library.path()
                        + "); ask SpdkLibrary.has first";
        MethodType type = descriptor.toMethodType();
        if (descriptor.returnLayout().filter(l -> !(l instanceof ValueLayout)).isPresent()) {
            type = type.insertParameterTypes(0, SegmentAllocator.class);
        }
        MethodHandle thrower =
                MethodHandles.throwException(type.returnType(), UnsatisfiedLinkError.class)
                        .bindTo(new UnsatisfiedLinkError(what));
        return MethodHandles.dropArguments(thrower, 0, type.parameterList());
    }

    static FunctionDescriptor descriptor(String signature, MemoryLayout... structs) {
        List<MemoryLayout> layouts = new ArrayList<>();
        int struct = 0;
        for (int i = 0; i < signature.length(); i++) {
            layouts.add(
                    switch (signature.charAt(i)) {
                        case 'Z' -> ValueLayout.JAVA_BOOLEAN;
                        case 'B' -> ValueLayout.JAVA_BYTE;
                        case 'S' -> ValueLayout.JAVA_SHORT;
                        case 'I' -> ValueLayout.JAVA_INT;
                        case 'J' -> ValueLayout.JAVA_LONG;
                        case 'F' -> ValueLayout.JAVA_FLOAT;
                        case 'D' -> ValueLayout.JAVA_DOUBLE;
                        case 'P' -> ValueLayout.ADDRESS;
                        case 'T' -> structs[struct++];
                        case 'V' -> null;
                        default -> throw new IllegalArgumentException(signature);
                    });
        }
        MemoryLayout[] arguments = layouts.subList(1, layouts.size()).toArray(MemoryLayout[]::new);
        return signature.charAt(0) == 'V'
                ? FunctionDescriptor.ofVoid(arguments)
                : FunctionDescriptor.of(layouts.getFirst(), arguments);
    }
}
