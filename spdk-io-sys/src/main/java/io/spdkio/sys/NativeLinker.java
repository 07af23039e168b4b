package io.spdkio.sys;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Links the installed SPDK and our bridge into one shared object. It needs a C compiler, pkg-config and SPDK; the
 * result needs neither and, when it was linked from static archives, no SPDK either.
 *
 * <p>The result goes into a cache folder of its own for each SPDK and each version of the bridge; linking the same
 * again finds it there. Everything is written beside its place and then moved, so that a process that loads it
 * meanwhile sees a whole file.
 */
public final class NativeLinker {
    /** The name of the library. */
    public static final String FILE_NAME = "libspdk_io.so";

    /** What is linked. */
    public enum Mode {
        /** Static archives if they are there and position-independent, else shared objects. */
        AUTO,
        /** Static archives: one file that needs no SPDK at run time. */
        STATIC,
        /** Shared objects: small, and bound to the SPDK where it is now. */
        SHARED
    }

    /**
     * What was made.
     *
     * @param library the file
     * @param spdk what it was linked from
     * @param mode {@link Mode#STATIC} or {@link Mode#SHARED}
     * @param wasThere whether the cache had it already
     * @param leftOut generated lines of the bridge that this SPDK's headers do not know
     */
    public record Result(Path library, SpdkInstallation spdk, Mode mode, boolean wasThere, int leftOut) {}

    private static final String BRIDGE = "/io/spdkio/sys/bridge/";
    private static final List<String> SOURCES =
            List.of(
                    "spdkio_abi.c",
                    "spdkio_inline.c",
                    "spdkio_bridge.c",
                    "spdkio_thread.c",
                    "spdkio_ring.c",
                    "spdkio_device.c",
                    "spdkio_gate.c",
                    "spdkio_pages.c",
                    "spdkio_store.c");
    private static final List<String> TABLES = List.of("spdkio_abi.inc", "spdkio_inline.inc");
    private static final List<String> OTHERS = List.of("spdkio_bridge.h", "abi.txt");

    private final SpdkInstallation spdk;
    private final Mode mode;
    private final Path output;
    private final String compiler;

    private NativeLinker(SpdkInstallation spdk, Mode mode, Path output) {
        this.spdk = spdk;
        this.mode = mode;
        this.output = output;
        this.compiler = findCompiler();
    }

    /**
     * Links.
     *
     * @param spdk what to link
     * @param mode archives or shared objects
     * @param output where to put the library; empty for the cache, where it is found by itself
     * @return what was made
     * @throws NativeException when something is missing; the message names it and its package
     */
    public static Result link(SpdkInstallation spdk, Mode mode, Optional<Path> output) {
        if (!System.getProperty("os.name").equals("Linux")) {
            throw new NativeException(
                    "SPDK runs on Linux, and this is " + System.getProperty("os.name") + "; use the embedded engine");
        }
        return new NativeLinker(spdk, mode, output.orElse(null)).link();
    }

    // ---- the bridge's identity

    /** {@return a hash over everything of ours that goes into the library} */
    static String bridgeHash() {
        return BridgeHash.VALUE;
    }

    private static final class BridgeHash {
        static final String VALUE = hash();

        private static String hash() {
            MessageDigest digest = sha256();
            Stream.of(SOURCES, TABLES, OTHERS)
                    .flatMap(List::stream)
                    .forEach(name -> digest.update(resource(name).getBytes(StandardCharsets.UTF_8)));
            return HexFormat.of().formatHex(digest.digest()).substring(0, 16);
        }
    }

    static String resource(String name) {
        try (InputStream in = NativeLinker.class.getResourceAsStream(BRIDGE + name)) {
            if (in == null) {
                throw new NativeException("this jar of spdk-io-sys lacks " + BRIDGE + name + "; take a complete one");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    // ---- linking

    private Result link() {
        List<String> flags = words(spdk.pkgConfig("--libs", spdk.packages()));
        List<String> system = systemFlags();
        Libraries libraries = separate(flags, system);
        Mode chosen = mode;
        if (chosen == Mode.AUTO) {
            chosen = libraries.withoutArchive.isEmpty() ? Mode.STATIC : Mode.SHARED;
        }
        try {
            return link(chosen, libraries);
        } catch (NotPositionIndependent e) {
            if (mode == Mode.STATIC || !libraries.withoutShared.isEmpty()) {
                throw new NativeException(
                        "SPDK's static archives are not position-independent ("
                                + e.what
                                + "); configure SPDK with --with-shared, build it again, and link with --shared");
            }
            return link(Mode.SHARED, libraries);
        }
    }

    /**
     * SPDK's own list of what it needs of the system; it is not in what the other packages require. Up to v25.09 it is
     * the private part of the package.
     */
    private List<String> systemFlags() {
        return Files.exists(spdk.pkgConfigPath().getFirst().resolve("spdk_syslibs.pc"))
                ? words(spdk.pkgConfig("--libs", List.of("spdk_syslibs", "--static")))
                : List.of("-pthread", "-lrt", "-luuid", "-lssl", "-lcrypto", "-lm", "-laio", "-lnuma", "-ldl");
    }

    private record Libraries(
            List<Path> folders,
            List<String> whole,
            List<String> plain,
            List<String> system,
            List<String> withoutArchive,
            List<String> withoutShared) {}

    /**
     * SPDK's and DPDK's own libraries go in whole, because their parts register themselves in constructors; isa-l is
     * theirs but has none; the rest is the system's.
     */
    private Libraries separate(List<String> spdkFlags, List<String> systemFlags) {
        Set<Path> folders = new LinkedHashSet<>();
        Stream.concat(spdkFlags.stream(), systemFlags.stream())
                .filter(flag -> flag.startsWith("-L"))
                .forEach(flag -> folders.add(Path.of(flag.substring(2))));
        folders.add(spdk.pkgConfigPath().getFirst().getParent());
        // Without --with-shared SPDK names isa-l by the path it was built at, which may be gone; it installs it as
        // well.
        Stream.concat(spdkFlags.stream(), systemFlags.stream())
                .filter(NativeLinker::isArchive)
                .forEach(flag -> folders.add(Path.of(flag).toAbsolutePath().getParent()));
        List<String> whole = new ArrayList<>();
        List<String> plain = new ArrayList<>();
        List<String> system = new ArrayList<>();
        for (String flag : Stream.concat(spdkFlags.stream(), systemFlags.stream()).distinct().toList()) {
            if (!flag.startsWith("-l") && !isArchive(flag)) {
                if (flag.equals("-pthread")) {
                    system.add(flag);
                }
                continue;
            }
            String name = libraryName(flag);
            if (name.startsWith("spdk_") || name.startsWith("rte_")) {
                whole.add(name);
            } else if (find(folders, "lib" + name + ".a") != null || find(folders, "lib" + name + ".so") != null) {
                plain.add(name);
            } else {
                system.add(flag);
            }
        }
        List<String> own = Stream.concat(whole.stream(), plain.stream()).toList();
        return new Libraries(
                List.copyOf(folders),
                whole.stream().distinct().toList(),
                plain.stream().distinct().toList(),
                system.stream().distinct().toList(),
                own.stream().filter(name -> find(folders, "lib" + name + ".a") == null).toList(),
                own.stream().filter(name -> find(folders, "lib" + name + ".so") == null).toList());
    }

    private static boolean isArchive(String flag) {
        return !flag.startsWith("-") && flag.endsWith(".a");
    }

    /** What follows "lib" in the file's name, of {@code -lname}, {@code -l:libname.a} and {@code path/libname.a}. */
    private static String libraryName(String flag) {
        return flag.startsWith("-l:") || isArchive(flag)
                ? flag.replaceAll("^-l:|^.*/", "").replaceAll("^lib|\\.(a|so)$", "")
                : flag.substring(2);
    }

    private static Path find(Iterable<Path> folders, String file) {
        for (Path folder : folders) {
            if (Files.exists(folder.resolve(file))) {
                return folder.resolve(file);
            }
        }
        return null;
    }

    private Result link(Mode chosen, Libraries libraries) {
        List<String> absent = chosen == Mode.STATIC ? libraries.withoutArchive : libraries.withoutShared;
        if (!absent.isEmpty()) {
            String suffix = chosen == Mode.STATIC ? ".a" : ".so";
            throw new NativeException(
                    "lib"
                            + absent.getFirst()
                            + suffix
                            + (absent.size() > 1 ? " (and " + (absent.size() - 1) + " more)" : "")
                            + " is not in "
                            + libraries.folders.stream().map(Path::toString).collect(Collectors.joining(", "))
                            + "; "
                            + (chosen == Mode.SHARED
                                    ? "configure SPDK with --with-shared and install it again, or link with --static"
                                    : "install SPDK again, or link with --shared"));
        }
        List<String> linked = linkArguments(chosen, libraries);
        String key = key(chosen, libraries, linked);
        Path folder = cacheFolder().resolve("v" + spdk.version() + "-" + key);
        Path cached = folder.resolve(FILE_NAME);
        boolean wasThere = Files.exists(cached);
        int leftOut = 0;
        try {
            if (!wasThere) {
                Files.createDirectories(folder);
                leftOut = compile(chosen, linked, key, cached);
            }
            if (output != null) {
                Path target = output.toAbsolutePath();
                copyAtomically(cached, Files.isDirectory(target) ? target.resolve(FILE_NAME) : target);
                return new Result(target, spdk, chosen, false, leftOut);
            }
            writeAtomically(cacheFolder().resolve("current"), folder.getFileName() + "\n");
            return new Result(cached, spdk, chosen, wasThere, leftOut);
        } catch (IOException e) {
            throw new NativeException(
                    "cannot write the library to "
                            + (output == null ? folder : output)
                            + ": "
                            + e.getMessage()
                            + "; choose another place with --output, or another cache with SPDKIO_NATIVE_CACHE",
                    e);
        }
    }

    private static List<String> linkArguments(Mode chosen, Libraries libraries) {
        List<String> arguments = new ArrayList<>();
        if (chosen == Mode.STATIC) {
            arguments.add("-Wl,--whole-archive");
            libraries.whole.forEach(name -> arguments.add(find(libraries.folders, "lib" + name + ".a").toString()));
            arguments.add("-Wl,--no-whole-archive");
            libraries.plain.forEach(name -> arguments.add(find(libraries.folders, "lib" + name + ".a").toString()));
            // Calls inside the library need no detour through its symbol table.
            arguments.add("-Wl,-Bsymbolic");
        } else {
            libraries.folders.forEach(folder -> arguments.add("-L" + folder));
            arguments.add("-Wl,--no-as-needed");
            libraries.whole.forEach(name -> arguments.add("-l" + name));
            libraries.plain.forEach(name -> arguments.add("-l" + name));
            arguments.add("-Wl,--as-needed");
            // Old-style, so that it holds for what the libraries themselves need as well.
            arguments.add("-Wl,--disable-new-dtags");
            libraries.folders.forEach(folder -> arguments.add("-Wl,-rpath," + folder));
        }
        arguments.addAll(libraries.system);
        arguments.addAll(List.of("-Wl,-z,defs", "-Wl,-z,nodelete", "-Wl,-soname," + FILE_NAME));
        return arguments;
    }

    /** What decides whether a library in the cache is the one that would be made. */
    private String key(Mode chosen, Libraries libraries, List<String> arguments) {
        MessageDigest digest = sha256();
        StringBuilder text =
                new StringBuilder(bridgeHash())
                        .append(compiler)
                        .append(String.join(" ", arguments))
                        .append(spdk.includeFolders());
        Set<String> names = new TreeSet<>(libraries.whole);
        names.addAll(libraries.plain);
        for (String name : names) {
            Path file = find(libraries.folders, "lib" + name + (chosen == Mode.STATIC ? ".a" : ".so"));
            try {
                text.append(file).append(Files.size(file)).append(Files.getLastModifiedTime(file).toMillis());
            } catch (IOException e) {
                throw new NativeException("cannot read " + file + ": " + e.getMessage(), e);
            }
        }
        digest.update(text.toString().getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(digest.digest()).substring(0, 16);
    }

    private int compile(Mode chosen, List<String> linked, String key, Path target) throws IOException {
        Path work = Files.createTempDirectory("spdk-io-link");
        try {
            for (List<String> names : List.of(SOURCES, TABLES, OTHERS)) {
                for (String name : names) {
                    Files.writeString(work.resolve(name), resource(name));
                }
            }
            List<String> flags = compileFlags(chosen, key);
            int leftOut = leaveOutUnknown(work, flags);
            List<String> objects = new ArrayList<>();
            for (String source : SOURCES) {
                String object = source.replace(".c", ".o");
                // The table of sizes gains nothing from being optimised, and takes long to.
                check(cc(work, flags, List.of(source.contains("abi") ? "-O0" : "-O2", "-c", source, "-o", object)));
                objects.add(object);
            }
            List<String> arguments = new ArrayList<>(List.of("-shared", "-o", FILE_NAME));
            arguments.addAll(objects);
            arguments.addAll(linked);
            check(cc(work, List.of(), arguments));
            copyAtomically(work.resolve(FILE_NAME), target);
            return leftOut;
        } finally {
            deleteTree(work);
        }
    }

    private List<String> compileFlags(Mode chosen, String key) {
        List<String> flags = new ArrayList<>(List.of("-std=gnu11", "-fPIC", "-w"));
        spdk.includeFolders().forEach(folder -> flags.add("-I" + folder));
        flags.add("-DSPDKIO_ABI_ENTRIES=" + resource("abi.txt").lines().count());
        flags.add("-DSPDKIO_BRIDGE_HASH=\"" + bridgeHash() + "\"");
        flags.add(
                "-DSPDKIO_LINK_INFO=\"spdk="
                        + spdk.version()
                        + "\\nfolder="
                        + spdk.folder().toAbsolutePath()
                        + "\\nmode="
                        + chosen.name().toLowerCase(java.util.Locale.ROOT)
                        + "\\nkey="
                        + key
                        + "\\nmodules="
                        + String.join(",", spdk.modules())
                        + "\\n\"");
        return flags;
    }

    /**
     * Empties the generated lines that these headers have nothing for: other versions of SPDK lack some structs, fields
     * and functions.
     */
    private int leaveOutUnknown(Path work, List<String> flags) throws IOException {
        int leftOut = 0;
        for (int i = 0; i < TABLES.size(); i++) {
            Path table = work.resolve(TABLES.get(i));
            Pattern place = Pattern.compile(Pattern.quote(TABLES.get(i)) + ":(\\d+):");
            for (int round = 0; round < 8; round++) {
                Command tried = cc(work, flags, List.of("-fsyntax-only", "-fmax-errors=0", SOURCES.get(i)));
                if (tried.succeeded()) {
                    break;
                }
                Set<Integer> wrong = new TreeSet<>();
                Matcher matcher = place.matcher(tried.complaints());
                while (matcher.find()) {
                    wrong.add(Integer.parseInt(matcher.group(1)));
                }
                if (wrong.isEmpty()) {
                    check(tried);
                }
                List<String> lines = new ArrayList<>(Files.readAllLines(table));
                wrong.forEach(number -> lines.set(number - 1, ""));
                Files.write(table, lines);
                leftOut += wrong.size();
            }
        }
        return leftOut;
    }

    private Command cc(Path work, List<String> flags, List<String> more) {
        List<String> words = new ArrayList<>(words(compiler));
        words.addAll(flags);
        words.addAll(more);
        Command command = Command.run(Map.of(), work, words);
        if (command == null) {
            throw new NativeException(compiler + " was not found; " + Packages.install("cc"));
        }
        return command;
    }

    private static final Pattern NO_HEADER = Pattern.compile("fatal error: ([^:]+): No such file");
    private static final Pattern NO_LIBRARY = Pattern.compile("cannot find (?:-l:?|lib)?([A-Za-z0-9_+-]+)");
    private static final Pattern NO_SYMBOL = Pattern.compile("undefined reference to [`']([^']+)'");

    private static void check(Command command) {
        if (command.succeeded()) {
            return;
        }
        String complaints = command.complaints();
        Matcher header = NO_HEADER.matcher(complaints);
        if (header.find()) {
            throw new NativeException(
                    "the header " + header.group(1) + " is missing; " + Packages.installHeader(header.group(1)));
        }
        if (complaints.contains("recompile with -fPIC")
                || complaints.contains("can not be used when making a shared")) {
            throw new NotPositionIndependent(
                    complaints.lines().filter(l -> l.contains("relocation")).findFirst().orElse("").strip());
        }
        Matcher library = NO_LIBRARY.matcher(complaints);
        if (library.find()) {
            throw new NativeException(
                    "the library " + library.group(1) + " is missing; " + Packages.install(library.group(1)));
        }
        Matcher symbol = NO_SYMBOL.matcher(complaints);
        if (symbol.find()) {
            throw new NativeException(
                    "nothing that SPDK names for linking has the function "
                            + symbol.group(1)
                            + "; its installation is incomplete: build and install SPDK again, all of it with the same"
                            + " configuration");
        }
        if (complaints.contains("cannot execute") || complaints.contains("ld: not found")) {
            throw new NativeException("the linker is missing; " + Packages.install("ld"));
        }
        throw new NativeException(
                "the C compiler failed: "
                        + complaints
                                .lines()
                                .filter(line -> line.contains("error"))
                                .findFirst()
                                .orElse(SpdkInstallation.firstLine(complaints)));
    }

    /** Static archives that no shared object can be made of. */
    private static final class NotPositionIndependent extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final String what;

        NotPositionIndependent(String what) {
            super(what);
            this.what = what;
        }
    }

    private static String findCompiler() {
        String named = System.getenv("CC");
        List<String> candidates = named == null || named.isBlank() ? List.of("cc", "gcc", "clang") : List.of(named);
        for (String candidate : candidates) {
            Command version =
                    Command.run(
                            Map.of(), null, SpdkInstallation.concat(words(candidate).getFirst(), List.of("--version")));
            if (version != null && version.succeeded()) {
                return candidate;
            }
        }
        throw new NativeException(
                "no C compiler was found (" + String.join(", ", candidates) + "); " + Packages.install("cc"));
    }

    static List<String> words(String text) {
        return text.isBlank() ? List.of() : List.of(text.strip().split("\\s+"));
    }

    // ---- the cache

    /**
     * Where linked libraries are kept: the property {@code spdkio.native.cache}, else SPDKIO_NATIVE_CACHE, else {@code
     * spdk-io/native} in XDG_CACHE_HOME or ~/.cache.
     *
     * @return the folder, which may not exist
     */
    public static Path cacheFolder() {
        String property = System.getProperty("spdkio.native.cache", "");
        if (!property.isEmpty()) {
            return Path.of(property).toAbsolutePath();
        }
        String variable = System.getenv().getOrDefault("SPDKIO_NATIVE_CACHE", "");
        if (!variable.isEmpty()) {
            return Path.of(variable).toAbsolutePath();
        }
        String xdg = System.getenv().getOrDefault("XDG_CACHE_HOME", "");
        Path caches = xdg.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(xdg);
        return caches.resolve("spdk-io").resolve("native").toAbsolutePath();
    }

    /** {@return the library that was linked last, if it is there} */
    static Optional<Path> cached() {
        try {
            Path folder = cacheFolder();
            Path current = folder.resolve("current");
            if (!Files.isReadable(current)) {
                return Optional.empty();
            }
            Path library = folder.resolve(Files.readString(current).strip()).resolve(FILE_NAME);
            return Files.isReadable(library) ? Optional.of(library) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    static void copyAtomically(Path source, Path target) throws IOException {
        Path folder = target.toAbsolutePath().getParent();
        Files.createDirectories(folder);
        Path beside = Files.createTempFile(folder, "." + target.getFileName(), ".new");
        try {
            Files.copy(source, beside, StandardCopyOption.REPLACE_EXISTING);
            move(beside, target);
        } finally {
            Files.deleteIfExists(beside);
        }
    }

    private static void writeAtomically(Path target, String text) throws IOException {
        Path beside = Files.createTempFile(target.toAbsolutePath().getParent(), ".current", ".new");
        try {
            Files.writeString(beside, text);
            move(beside, target);
        } finally {
            Files.deleteIfExists(beside);
        }
    }

    private static void move(Path from, Path to) throws IOException {
        from.toFile().setReadable(true, false);
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    static void deleteTree(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
