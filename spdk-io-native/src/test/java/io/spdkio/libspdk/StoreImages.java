package io.spdkio.libspdk;

import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.tck.StoreScript;
import io.spdkio.tck.StoreScript.End;

import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.zip.GZIPOutputStream;

/**
 * Makes the images of stores that the tests of spdk-io-embedded read, with SPDK: NAME-BLOCKSIZE.img.gz, and what the
 * store in it holds in NAME-BLOCKSIZE.txt. The only argument is the folder.
 */
final class StoreImages {
    /** Makes two blobs, of which one has attributes. */
    static final List<String> BLOBCLI =
            List.of(
                    "-i",
                    "-n 1",
                    "-x $B0 color blue",
                    "-x $B0 size large",
                    "-f $B0 165",
                    "-n 2",
                    "-f $B1 7",
                    "-n 1",
                    "-w $B2",
                    "-r $B0 size",
                    "-p $B1");

    private StoreImages() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path folder = Files.createDirectories(Path.of(arguments[0]));
        make(folder, "clean", 512, 16_384, End.CLEAN, script -> script.everything(true));
        make(folder, "unclean", 4096, 16_384, End.UNCLEAN, script -> script.everything(true));
        make(folder, "runs", 4096, 12_288, End.UNCLEAN, script -> script.everything(false));
        make(folder, "many", 4096, 4096, End.CLEAN, script -> script.many(300));
        makeByBlobcli(folder);
    }

    private static void makeByBlobcli(Path folder) throws IOException, InterruptedException {
        Path file = sparse(8 << 20);
        Path scratch = Files.createTempDirectory("blobcli");
        Blobcli.findOrSkip(scratch).run(file, 512, BLOBCLI);
        pack(file, folder, "blobcli-512");
        // As SPDK reads it.
        List<String> holds = StoreScript.with("native", file, 512, Optional.empty(), End.CLEAN, StoreScript::nothing);
        Files.write(folder.resolve("blobcli-512.txt"), holds);
        Files.delete(file);
    }

    private static void make(
            Path folder, String name, int blockSize, int clusterSize, End end, Function<StoreScript, ?> body)
            throws IOException {
        Path file = sparse(6 << 20);
        BlobstoreOptions options =
                BlobstoreOptions.defaults().withClusterSize(clusterSize).withMetadataPages(400).withType("image");
        List<String> holds = StoreScript.with("native", file, blockSize, Optional.of(options), end, body);
        Files.write(folder.resolve(name + "-" + blockSize + ".txt"), holds);
        pack(file, folder, name + "-" + blockSize);
        Files.delete(file);
    }

    private static Path sparse(long sizeBytes) throws IOException {
        Path file = Files.createTempFile("store", ".img");
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(sizeBytes);
        }
        return file;
    }

    private static void pack(Path file, Path folder, String name) throws IOException {
        try (OutputStream packed = new GZIPOutputStream(Files.newOutputStream(folder.resolve(name + ".img.gz")))) {
            Files.copy(file, packed);
        }
    }
}
