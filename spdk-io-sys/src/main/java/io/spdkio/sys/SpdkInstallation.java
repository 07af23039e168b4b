package io.spdkio.sys;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * An SPDK that is installed on this machine, as pkg-config describes it.
 *
 * @param version as its version.h says, such as {@code 26.01}
 * @param folder where it was found, such as {@code /opt/spdk}
 * @param pkgConfigPath the folders for PKG_CONFIG_PATH; the first has SPDK's files
 * @param includeFolders where its headers are
 * @param modules its pkg-config packages that are linked, without {@code spdk_}
 */
public record SpdkInstallation(
        String version, Path folder, List<Path> pkgConfigPath, List<Path> includeFolders, List<String> modules) {
    /** The oldest that spdk-io can be linked with. */
    public static final String OLDEST = "24.09";

    static final String PACKAGE = "spdk_env_dpdk";

    /**
     * Not linked: lists of flags; mocks for SPDK's own tests; a parser in C++; and the iSCSI target, which takes
     * hundreds of megabytes as soon as the subsystems start.
     */
    private static final Set<String> LEFT_OUT =
            Set.of(
                    "spdk_syslibs",
                    "spdk_dpdklibs",
                    "spdk_ut_mock",
                    "spdk_trace_parser",
                    "spdk_iscsi",
                    "spdk_event_iscsi");

    private static final List<String> USUAL_FOLDERS = List.of("/opt/spdk", "/usr/local", "/usr");

    private static final List<String> PKG_CONFIG_FOLDERS =
            List.of(
                    "lib/pkgconfig",
                    "lib64/pkgconfig",
                    "lib/x86_64-linux-gnu/pkgconfig",
                    "lib/aarch64-linux-gnu/pkgconfig",
                    // SPDK's own source tree
                    "build/lib/pkgconfig");

    /**
     * Copies what it is given.
     *
     * @param version the version
     * @param folder where it was found
     * @param pkgConfigPath the folders for PKG_CONFIG_PATH
     * @param includeFolders where its headers are
     * @param modules its packages
     */
    public SpdkInstallation {
        pkgConfigPath = List.copyOf(pkgConfigPath);
        includeFolders = List.copyOf(includeFolders);
        modules = List.copyOf(modules);
    }

    /**
     * Looks for SPDK: in PKG_CONFIG_PATH and pkg-config's own folders, in SPDK_DIR, in /opt/spdk, /usr/local and /usr.
     *
     * @return the first that is found
     * @throws NativeException when there is none, or it is too old, or pkg-config is missing
     */
    public static SpdkInstallation find() {
        return find(System.getenv());
    }

    static SpdkInstallation find(Map<String, String> environment) {
        List<String> looked = new ArrayList<>();
        String named = environment.getOrDefault("SPDK_DIR", "");
        if (!named.isEmpty()) {
            return in(Path.of(named), environment);
        }
        Optional<Path> known = pkgConfigKnows(environment);
        if (known.isPresent()) {
            return at(known.get(), folderOf(known.get()), environment);
        }
        looked.add("pkg-config");
        for (String folder : USUAL_FOLDERS) {
            Optional<Path> there = pkgConfigFolder(Path.of(folder));
            if (there.isPresent()) {
                return at(there.get(), Path.of(folder), environment);
            }
            looked.add(folder);
        }
        throw new NativeException(
                "SPDK was not found (looked for "
                        + PACKAGE
                        + ".pc with "
                        + String.join(", ", looked)
                        + "); build it with ./configure --with-shared && make && make install, or name its folder with"
                        + " --spdk DIR or SPDK_DIR");
    }

    /**
     * Takes the SPDK in a folder.
     *
     * @param folder where it was installed (--prefix), or its built source tree
     * @return what is there
     * @throws NativeException when there is none, or it is too old, or pkg-config is missing
     */
    public static SpdkInstallation in(Path folder) {
        return in(folder, System.getenv());
    }

    static SpdkInstallation in(Path folder, Map<String, String> environment) {
        Path there =
                pkgConfigFolder(folder)
                        .orElseThrow(() ->
                                new NativeException(
                                        "there is no SPDK in "
                                                + folder
                                                + " (no "
                                                + PACKAGE
                                                + ".pc in its lib/pkgconfig); run make install in SPDK's sources,"
                                                + " or name the folder it was installed to"));
        return at(there, folder, environment);
    }

    private static Optional<Path> pkgConfigFolder(Path folder) {
        return PKG_CONFIG_FOLDERS.stream()
                .map(folder::resolve)
                .filter(path -> Files.exists(path.resolve(PACKAGE + ".pc")))
                .findFirst();
    }

    private static Optional<Path> pkgConfigKnows(Map<String, String> environment) {
        Command command = pkgConfig(environment, List.of(), List.of("--variable=pcfiledir", PACKAGE));
        return command.succeeded() && !command.output().isEmpty()
                ? Optional.of(Path.of(command.output()))
                : Optional.empty();
    }

    private static Path folderOf(Path pkgConfigFolder) {
        for (String suffix : PKG_CONFIG_FOLDERS) {
            if (pkgConfigFolder.endsWith(suffix)) {
                Path root = pkgConfigFolder.getRoot();
                int names = pkgConfigFolder.getNameCount() - Path.of(suffix).getNameCount();
                return names == 0 || root == null ? pkgConfigFolder : root.resolve(pkgConfigFolder.subpath(0, names));
            }
        }
        return pkgConfigFolder;
    }

    private static SpdkInstallation at(Path pkgConfigFolder, Path folder, Map<String, String> environment) {
        List<Path> path = new ArrayList<>(List.of(pkgConfigFolder.toAbsolutePath().normalize()));
        // In a source tree DPDK and isa-l are elsewhere.
        for (String more : List.of("dpdk/build/lib/pkgconfig", "dpdk/build/lib64/pkgconfig", "isa-l", "isa-l-crypto")) {
            if (Files.isDirectory(folder.resolve(more))) {
                path.add(folder.resolve(more).toAbsolutePath().normalize());
            }
        }
        List<String> packages = packages(pkgConfigFolder);
        Command cflags = pkgConfig(environment, path, concat("--cflags-only-I", packages));
        if (!cflags.succeeded()) {
            throw new NativeException(
                    "pkg-config cannot read SPDK in "
                            + folder
                            + ": "
                            + firstLine(cflags.complaints())
                            + "; install what it names, or run make install in SPDK's sources again");
        }
        Set<Path> includes = new LinkedHashSet<>();
        for (String flag : NativeLinker.words(cflags.output())) {
            if (flag.startsWith("-I")) {
                includes.add(Path.of(flag.substring(2)));
            }
        }
        // pkg-config leaves out the compiler's own folders, such as /usr/include.
        if (includes.stream().noneMatch(include -> Files.exists(include.resolve("spdk/version.h")))) {
            includes.add(folder.resolve("include"));
        }
        String version = version(includes, folder);
        if (older(version, OLDEST)) {
            throw new NativeException(
                    "SPDK v"
                            + version
                            + " in "
                            + folder
                            + " is too old; v"
                            + OLDEST
                            + " or newer is needed. No distribution packages it: build a newer one, and name its folder"
                            + " with --spdk DIR");
        }
        return new SpdkInstallation(
                version,
                folder,
                path,
                List.copyOf(includes),
                packages.stream().map(name -> name.substring("spdk_".length())).toList());
    }

    private static List<String> packages(Path pkgConfigFolder) {
        try (Stream<Path> files = Files.list(pkgConfigFolder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.startsWith("spdk_") && name.endsWith(".pc"))
                    .map(name -> name.substring(0, name.length() - ".pc".length()))
                    .filter(name -> !LEFT_OUT.contains(name))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new NativeException("cannot read " + pkgConfigFolder + ": " + e.getMessage(), e);
        }
    }

    private static String version(Set<Path> includes, Path folder) {
        for (Path include : includes) {
            Path header = include.resolve("spdk/version.h");
            if (Files.exists(header)) {
                try {
                    String text = Files.readString(header);
                    return "%d.%02d".formatted(number(text, "MAJOR"), number(text, "MINOR"))
                            + (number(text, "PATCH") == 0 ? "" : "." + number(text, "PATCH"));
                } catch (IOException e) {
                    throw new NativeException("cannot read " + header + ": " + e.getMessage(), e);
                }
            }
        }
        throw new NativeException(
                "SPDK's libraries are in "
                        + folder
                        + ", but its headers are not (no spdk/version.h in "
                        + includes
                        + "); run make install in SPDK's sources");
    }

    private static int number(String text, String part) {
        Matcher matcher = Pattern.compile("#define\\s+SPDK_VERSION_" + part + "\\s+(\\d+)").matcher(text);
        return matcher.find() ? Integer.parseInt(matcher.group(1)) : 0;
    }

    static boolean older(String version, String than) {
        String[] left = version.split("\\.");
        String[] right = than.split("\\.");
        int major = Integer.compare(Integer.parseInt(left[0]), Integer.parseInt(right[0]));
        return major != 0 ? major < 0 : Integer.parseInt(left[1]) < Integer.parseInt(right[1]);
    }

    /** Asks pkg-config about this SPDK. */
    String pkgConfig(String option, List<String> packages) {
        Command command = pkgConfig(System.getenv(), pkgConfigPath, concat(option, packages));
        if (!command.succeeded()) {
            throw new NativeException("pkg-config: " + firstLine(command.complaints()));
        }
        return command.output();
    }

    List<String> packages() {
        return modules.stream().map(module -> "spdk_" + module).toList();
    }

    private static Command pkgConfig(Map<String, String> environment, List<Path> folders, List<String> arguments) {
        List<String> path = new ArrayList<>(folders.stream().map(Path::toString).toList());
        String given = environment.getOrDefault("PKG_CONFIG_PATH", "");
        if (!given.isEmpty()) {
            path.add(given);
        }
        String program = environment.getOrDefault("PKG_CONFIG", "pkg-config");
        Map<String, String> variables = Map.of("PKG_CONFIG_PATH", String.join(":", path));
        Command command = Command.run(variables, null, concat(program, arguments));
        if (command == null) {
            throw new NativeException(program + " was not found; " + Packages.install("pkg-config"));
        }
        return command;
    }

    static List<String> concat(String first, List<String> rest) {
        List<String> all = new ArrayList<>(List.of(first));
        all.addAll(rest);
        return all;
    }

    static String firstLine(String text) {
        return text.lines().filter(line -> !line.isBlank()).findFirst().orElse("it says nothing").strip();
    }
}
