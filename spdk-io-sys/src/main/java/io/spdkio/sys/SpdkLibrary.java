package io.spdkio.sys;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The one library with SPDK in it, {@code libspdk_io.so}, loaded into this process for good.
 *
 * <p>It is looked for in this order, and the first that exists is the one that is loaded or the error:
 *
 * <ol>
 *   <li>the file that the property {@code spdkio.native.library} names;
 *   <li>the file that the environment variable SPDKIO_NATIVE_LIBRARY names;
 *   <li>what was linked last into the cache ({@link NativeLinker#cacheFolder()});
 *   <li>{@code libspdk_io.so} in java.library.path;
 *   <li>a jar with the library inside, on the class or module path ({@link NativeJar}).
 * </ol>
 *
 * <p>All methods may be called from any thread.
 */
public final class SpdkLibrary {
    /** A property and an environment variable for the file. */
    private static final String PROPERTY = "spdkio.native.library";

    private static final String VARIABLE = "SPDKIO_NATIVE_LIBRARY";

    /** Set once: a library that was opened stays, and there is one SPDK in a process. */
    private static volatile SpdkLibrary loaded;

    /**
     * Where a library was found.
     *
     * @param path the file
     * @param reason why this one, such as {@code the cache}
     */
    public record Location(Path path, String reason) {}

    private final Location location;
    private final MemorySegment handle;
    private final AbiReport abi;
    private final Map<String, String> linkInfo;
    private final String spdkVersion;
    private final String dpdkVersion;
    private final List<String> restoredSignals;
    private final MemorySegment spdkSigbus;

    private SpdkLibrary(
            Location location, MemorySegment handle, List<String> restoredSignals, MemorySegment spdkSigbus) {
        this.location = location;
        this.handle = handle;
        this.restoredSignals = List.copyOf(restoredSignals);
        this.spdkSigbus = spdkSigbus;
        String hash = text("spdkio_bridge_hash", location);
        if (!hash.equals(NativeLinker.bridgeHash())) {
            throw new NativeException(
                    location.path
                            + " was linked by another version of spdk-io; link it again: spdk-io native link"
                            + (location.reason.contains("cache") ? "" : " --output " + location.path));
        }
        this.spdkVersion = text("spdkio_spdk_version", location);
        this.dpdkVersion = text("spdkio_dpdk_version", location);
        this.linkInfo = properties(text("spdkio_link_info", location));
        this.abi = compareAbi(AbiReport.expected());
        abi.checkEssential(spdkVersion);
    }

    /**
     * Loads the library, once.
     *
     * @return the library
     * @throws NativeException when there is none or it cannot be used; the message says what to do. The next call tries
     *     again
     */
    public static SpdkLibrary load() {
        SpdkLibrary library = loaded;
        return library != null ? library : loadOnce();
    }

    private static synchronized SpdkLibrary loadOnce() {
        if (loaded == null) {
            loaded = open(locate());
        }
        return loaded;
    }

    /**
     * The library, if it is loaded.
     *
     * @return it, or empty
     */
    public static Optional<SpdkLibrary> ifLoaded() {
        return Optional.ofNullable(loaded);
    }

    /**
     * Whether {@link #load()} will find a file. It opens nothing.
     *
     * @return true if so
     */
    public static boolean isLinked() {
        return linkedCause().isEmpty();
    }

    /**
     * Why {@link #load()} would find no file, and what to do.
     *
     * @return the cause, or empty
     */
    public static Optional<String> linkedCause() {
        try {
            locate();
            return Optional.empty();
        } catch (NativeException e) {
            return Optional.of(e.getMessage());
        }
    }

    /**
     * Looks for the library.
     *
     * @return where it is
     * @throws NativeException when it is nowhere
     */
    public static Location locate() {
        String os = System.getProperty("os.name");
        if (!os.equals("Linux")) {
            throw new NativeException("SPDK runs on Linux, and this is " + os + "; use the embedded engine");
        }
        for (Map.Entry<String, String> named :
                List.of(
                        Map.entry("the property " + PROPERTY, System.getProperty(PROPERTY, "")),
                        Map.entry(
                                "the environment variable " + VARIABLE, System.getenv().getOrDefault(VARIABLE, "")))) {
            if (!named.getValue().isEmpty()) {
                Path path = Path.of(named.getValue()).toAbsolutePath();
                if (!Files.isReadable(path)) {
                    throw new NativeException(
                            path
                                    + ", which "
                                    + named.getKey()
                                    + " names, is not there; make it: spdk-io native link"
                                    + " --output "
                                    + path);
                }
                return new Location(path, named.getKey());
            }
        }
        Optional<Path> cached = NativeLinker.cached();
        if (cached.isPresent()) {
            return new Location(cached.get(), "the cache, where it was linked to");
        }
        for (String folder : System.getProperty("java.library.path", "").split(":")) {
            Path path = Path.of(folder).resolve(NativeLinker.FILE_NAME).toAbsolutePath();
            if (!folder.isEmpty() && Files.isReadable(path)) {
                return new Location(path, "java.library.path");
            }
        }
        Optional<Path> unpacked = NativeJar.unpack();
        if (unpacked.isPresent()) {
            return new Location(unpacked.get(), "the jar spdk-io-sys-" + NativeJar.platform());
        }
        throw new NativeException(
                "SPDK is not linked for Java yet; run spdk-io native link, or add the jar spdk-io-sys with the"
                        + " classifier "
                        + NativeJar.platform()
                        + " (looked in the property "
                        + PROPERTY
                        + ", the variable "
                        + VARIABLE
                        + ", "
                        + NativeLinker.cacheFolder()
                        + ", java.library.path and the class path)");
    }

    // ---- what is known of it

    /**
     * The file.
     *
     * @return its path
     */
    public Path path() {
        return location.path;
    }

    /**
     * Why this file.
     *
     * @return such as {@code the property spdkio.native.library}
     */
    public String reason() {
        return location.reason;
    }

    /**
     * SPDK's version.
     *
     * @return such as {@code SPDK v26.01}
     */
    public String spdkVersion() {
        return spdkVersion;
    }

    /**
     * DPDK's version.
     *
     * @return such as {@code DPDK 25.11.0}, or empty text
     */
    public String dpdkVersion() {
        return dpdkVersion;
    }

    /**
     * SPDK's parts in the library.
     *
     * @return their names, without {@code spdk_}
     */
    public List<String> modules() {
        return List.of(linkInfo.getOrDefault("modules", "").split(","));
    }

    /**
     * What the library was linked from.
     *
     * @return {@link NativeLinker.Mode#STATIC} or {@link NativeLinker.Mode#SHARED}
     */
    public NativeLinker.Mode mode() {
        return NativeLinker.Mode.valueOf(linkInfo.getOrDefault("mode", "auto").toUpperCase(Locale.ROOT));
    }

    /**
     * How the bindings compare with what the C compiler saw.
     *
     * @return the comparison made at load
     */
    public AbiReport abi() {
        return abi;
    }

    /**
     * Signals whose handlers SPDK's constructors had taken and that were given back to the JVM.
     *
     * @return their numbers as text, such as {@code SIGBUS}
     */
    public List<String> restoredSignals() {
        return restoredSignals;
    }

    /**
     * Looks a symbol up: a function or variable of SPDK, DPDK or the bridge.
     *
     * @param symbol its name
     * @return its address, or empty when this SPDK has none
     */
    public Optional<MemorySegment> find(String symbol) {
        return Dl.find(handle, symbol);
    }

    /**
     * Whether a function of the bindings can be called.
     *
     * @param function its C name
     * @return false when the linked SPDK has none
     */
    public boolean has(String function) {
        return find(function).isPresent() || find("spdkio_inline_" + function).isPresent();
    }

    /**
     * Lets SPDK see a SIGBUS that happens inside {@link Bridge#ringPoll} before the JVM does: without it a PCI device
     * that is pulled out while its registers are read ends the process. Calling it again does nothing.
     */
    public void chainSigbus() {
        if (spdkSigbus != null && Bridge.chainSigbus(spdkSigbus) != 0) {
            throw new NativeException("cannot chain the SIGBUS handlers of the JVM and SPDK");
        }
    }

    static void requireSameLayout(String struct) {
        SpdkLibrary library = loaded;
        if (library != null && !library.abi.structs().isEmpty()) {
            String difference = library.abi.structs().get(struct);
            if (difference != null) {
                throw AbiReport.differs(struct, difference, library.spdkVersion);
            }
        }
    }

    // ---- loading

    private static SpdkLibrary open(Location location) {
        try {
            Arena arena = Arena.ofAuto();
            MemorySegment[] before = Dl.signalActions(arena);
            MemorySegment handle;
            MemorySegment spdkSigbus = null;
            List<String> restored = new ArrayList<>();
            try {
                handle = Dl.open(location.path);
            } finally {
                // SPDK's constructors have taken what the JVM needs; also when opening failed half-way.
                MemorySegment[] after = Dl.signalActions(arena);
                for (int signal = 1; signal < before.length; signal++) {
                    if (before[signal] != null && !Dl.sameAction(before[signal], after[signal])) {
                        Dl.sigaction(signal, before[signal], MemorySegment.NULL);
                        restored.add(signal == Dl.SIGBUS ? "SIGBUS" : "signal " + signal);
                        if (signal == Dl.SIGBUS) {
                            spdkSigbus = after[signal];
                        }
                    }
                }
            }
            return new SpdkLibrary(location, handle, restored, spdkSigbus);
        } catch (IllegalCallerException e) {
            throw new NativeException(
                    "native access is denied to this module; start Java with --enable-native-access="
                            + (SpdkLibrary.class.getModule().isNamed() ? "io.spdkio.sys" : "ALL-UNNAMED"),
                    e);
        }
    }

    private String text(String function, Location from) {
        MemorySegment address =
                find(function)
                        .orElseThrow(() ->
                                new NativeException(
                                        from.path
                                                + " is no library that spdk-io linked (it has no "
                                                + function
                                                + "); make one: spdk-io native link"));
        try {
            return Dl.string(
                    (MemorySegment)
                            RawSupport.downcall(address, FunctionDescriptor.of(ValueLayout.ADDRESS)).invokeExact());
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    AbiReport compareAbi(List<String> expected) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
            MemorySegment table =
                    (MemorySegment)
                            RawSupport.downcall(
                                            find("spdkio_abi_table").orElseThrow(),
                                            FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS))
                                    .invokeExact(count);
            int entries = count.get(ValueLayout.JAVA_INT, 0);
            if (entries != expected.size()) {
                throw new NativeException(path() + " has another table of sizes; link it again: spdk-io native link");
            }
            return AbiReport.compare(expected, sized(table, entries * 24L));
        } catch (Throwable e) {
            throw RawSupport.thrown(e);
        }
    }

    @SuppressWarnings("restricted")
    private static MemorySegment sized(MemorySegment pointer, long bytes) {
        return pointer.reinterpret(bytes);
    }

    static Map<String, String> properties(String text) {
        Map<String, String> found = new TreeMap<>();
        text.lines()
                .filter(line -> line.contains("="))
                .forEach(
                        line -> found.put(line.substring(0, line.indexOf('=')), line.substring(line.indexOf('=') + 1)));
        return found;
    }

    static String hashOf(InputStream in) throws IOException {
        var digest = NativeLinker.sha256();
        byte[] buffer = new byte[1 << 16];
        for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
            digest.update(buffer, 0, read);
        }
        return HexFormat.of().formatHex(digest.digest()).substring(0, 16);
    }

    static String utf8(InputStream in) throws IOException {
        return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
}
