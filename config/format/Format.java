import com.google.googlejavaformat.java.Main;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/// Formats every Java source of the repository, or checks that it is formatted.
///
/// Run by the build on the toolchain's JDK, from the root folder: `format` or `check`. Sources are the `.java` files in
/// every module's `src`, and this one. `src/generated` is left alone: what is generated is formatted by its generator.
final class Format {
    private static final Set<String> SKIPPED_FOLDERS = Set.of("target", "generated");

    /// Holds the names of the files that `check` complains of; the build fails when it is there.
    private static final Path UNFORMATTED = Path.of("target", "unformatted.txt");

    public static void main(String[] args) throws Exception {
        boolean check =
                switch (args.length == 1 ? args[0] : "") {
                    case "check" -> true;
                    case "format" -> false;
                    default -> throw new IllegalArgumentException("Usage: Format check|format");
                };
        Files.deleteIfExists(UNFORMATTED);
        List<String> unformatted = unformatted(sources());
        if (check) {
            if (!unformatted.isEmpty()) {
                Files.write(UNFORMATTED, unformatted);
                System.err.println("Not formatted (to format: mvn -Pformat):");
                unformatted.forEach(name -> System.err.println("    " + name));
            }
            return;
        }
        unformatted.forEach(name -> System.out.println("Formatted " + name));
        // A string that was broken into two lines is only indented by the next round.
        for (int round = 0; round < 3 && !unformatted.isEmpty(); round++) {
            run("--replace", unformatted);
            unformatted = unformatted(unformatted);
        }
    }

    private static List<String> unformatted(List<String> sources) throws Exception {
        return sources.isEmpty() ? List.of() : run("--dry-run", sources).lines().toList();
    }

    /// Runs the formatter and returns what it prints. A source that it cannot read ends the program.
    private static String run(String mode, List<String> sources) throws Exception {
        List<String> arguments = new ArrayList<>(List.of("--aosp", "--max-line-length", "120", mode));
        arguments.addAll(sources);
        StringWriter printed = new StringWriter();
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        int status = new Main(new PrintWriter(printed, true), err, System.in).format(arguments.toArray(String[]::new));
        err.flush();
        if (status != 0) {
            System.exit(status);
        }
        return printed.toString();
    }

    private static List<String> sources() throws IOException {
        List<String> sources = new ArrayList<>(List.of("config/format/Format.java"));
        try (Stream<Path> children = Files.list(Path.of("."))) {
            for (Path module : children.filter(child -> Files.isRegularFile(child.resolve("pom.xml"))).toList()) {
                Path src = module.resolve("src");
                if (Files.isDirectory(src)) {
                    try (Stream<Path> files = Files.walk(src)) {
                        files.filter(file -> file.toString().endsWith(".java") && !skipped(src.relativize(file)))
                                .map(file -> file.normalize().toString())
                                .sorted()
                                .forEach(sources::add);
                    }
                }
            }
        }
        return sources;
    }

    private static boolean skipped(Path file) {
        return SKIPPED_FOLDERS.contains(file.getName(0).toString());
    }
}
