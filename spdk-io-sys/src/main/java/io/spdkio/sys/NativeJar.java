package io.spdkio.sys;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;

/**
 * A jar with a linked library inside, for machines without SPDK and without a C compiler. It belongs on the class path
 * or the module path; the library is unpacked into the cache when it is first loaded.
 */
public final class NativeJar {
    private static final String FOLDER = "META-INF/native/io.spdkio/";

    private NativeJar() {}

    /**
     * The classifier of the jar for this machine.
     *
     * @return such as {@code linux-x86_64} or {@code linux-aarch_64}
     */
    public static String platform() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT).replace(" ", "");
        String arch = System.getProperty("os.arch");
        return os
                + "-"
                + switch (arch) {
                    case "amd64" -> "x86_64";
                    case "aarch64" -> "aarch_64";
                    default -> arch;
                };
    }

    /**
     * Packs a library.
     *
     * @param library what {@link NativeLinker} made, from static archives
     * @param jar where to put the jar
     * @throws IOException when the one cannot be read or the other not written
     */
    public static void write(Path library, Path jar) throws IOException {
        Path absolute = jar.toAbsolutePath();
        Path beside = Files.createTempFile(absolute.getParent(), "." + absolute.getFileName(), ".new");
        try {
            Manifest manifest = new Manifest();
            manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
            manifest.getMainAttributes()
                    .putValue("Automatic-Module-Name", "io.spdkio.sys." + platform().replace('-', '.'));
            String hash;
            try (InputStream in = Files.newInputStream(library)) {
                hash = SpdkLibrary.hashOf(in);
            }
            try (OutputStream file = Files.newOutputStream(beside);
                    JarOutputStream out = new JarOutputStream(file, manifest)) {
                out.putNextEntry(new JarEntry(resource() + ".hash"));
                out.write(hash.getBytes(StandardCharsets.US_ASCII));
                out.putNextEntry(new JarEntry(resource()));
                Files.copy(library, out);
            }
            NativeLinker.copyAtomically(beside, absolute);
        } finally {
            Files.deleteIfExists(beside);
        }
    }

    /** {@return the library of a jar on the class path, unpacked; empty when there is no such jar} */
    static Optional<Path> unpack() {
        ClassLoader loader = NativeJar.class.getClassLoader();
        try (InputStream hash = loader.getResourceAsStream(resource() + ".hash")) {
            if (hash == null) {
                return Optional.empty();
            }
            Path library =
                    NativeLinker.cacheFolder()
                            .resolve("jar-" + SpdkLibrary.utf8(hash).strip())
                            .resolve(NativeLinker.FILE_NAME);
            if (!Files.isReadable(library)) {
                Files.createDirectories(library.getParent());
                Path beside = Files.createTempFile(library.getParent(), ".unpack", ".new");
                try (InputStream in = loader.getResourceAsStream(resource())) {
                    Files.copy(in, beside, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
                    NativeLinker.copyAtomically(beside, library);
                } finally {
                    Files.deleteIfExists(beside);
                }
            }
            return Optional.of(library);
        } catch (IOException e) {
            throw new NativeException(
                    "cannot unpack SPDK's library into "
                            + NativeLinker.cacheFolder()
                            + ": "
                            + e.getMessage()
                            + "; name another folder with the property spdkio.native.cache or SPDKIO_NATIVE_CACHE",
                    e);
        }
    }

    private static String resource() {
        return FOLDER + platform() + "/" + NativeLinker.FILE_NAME;
    }
}
