package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.BdevGeometry;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;

/** The files of file devices, which SPDK wants to be there with their full size. */
final class FileMaker {
    /** {@code S_IFMT} of stat(2), and two of its values. */
    private static final int FILE_KIND = 0xf000;

    private static final int BLOCK_DEVICE = 0x6000;
    private static final int FOLDER = 0x4000;

    private FileMaker() {}

    /** Makes or grows a file where its spec says so. */
    static void prepare(AioBdev spec) {
        Path path = spec.path();
        if (spec.createSize().isEmpty()) {
            refuseUnusable(spec);
            return;
        }
        long sizeBytes = spec.createSize().getAsLong();
        boolean existed = Files.exists(path);
        if (existed && !Files.isRegularFile(path)) {
            // A block device has the size that it has.
            return;
        }
        Path folder = path.toAbsolutePath().getParent();
        if (!existed && !Files.isDirectory(folder)) {
            throw refused(spec, "there is no folder " + folder, Errno.ENOENT);
        }
        if (!Files.isWritable(existed ? path : folder)) {
            throw refused(spec, "this user may not write to " + (existed ? "it" : folder), Errno.EACCES);
        }
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            if (file.length() < sizeBytes) {
                file.setLength(sizeBytes);
            }
        } catch (IOException e) {
            if (!existed) {
                deleteAgain(path, e);
            }
            throw refused(spec, e.getMessage(), Errno.EIO);
        }
    }

    /** SPDK would make a device without blocks of what has no size, and says of the rest less than a user needs. */
    private static void refuseUnusable(AioBdev spec) {
        Path path = spec.path();
        if (Files.notExists(path)) {
            throw unusable(
                    spec,
                    " can't be opened: ENOENT (no such file or directory); check the name, or give a size to have it"
                            + " made",
                    Errno.ENOENT);
        }
        if (!Files.isReadable(path) || (!spec.readOnly() && !Files.isWritable(path))) {
            throw unusable(
                    spec,
                    " can't be opened: EACCES (permission denied); as "
                            + System.getProperty("user.name")
                            + " one may not "
                            + (spec.readOnly() ? "read" : "read and write")
                            + " it: change its permissions",
                    Errno.EACCES);
        }
        try {
            int kind = (int) Files.getAttribute(path, "unix:mode") & FILE_KIND;
            if (kind != BLOCK_DEVICE && kind != FOLDER) {
                refuseSize(spec, Files.size(path));
            }
        } catch (IOException e) {
            // SPDK says what is wrong with it.
        }
    }

    private static void refuseSize(AioBdev spec, long sizeBytes) {
        int blockBytes = spec.blockSize() == 0 ? BdevGeometry.MIN_BLOCK_SIZE : spec.blockSize();
        if (sizeBytes < blockBytes) {
            throw unusable(
                    spec,
                    " has "
                            + sizeBytes
                            + " bytes, less than one block of "
                            + blockBytes
                            + "; name a larger file, or have it made with a size",
                    Errno.EINVAL);
        }
        if (sizeBytes % blockBytes != 0) {
            throw unusable(
                    spec,
                    " has "
                            + sizeBytes
                            + " bytes, which is not a multiple of the block size "
                            + blockBytes
                            + "; take a smaller block size, or make the file longer",
                    Errno.EINVAL);
        }
    }

    private static SpdkException unusable(AioBdev spec, String why, int errno) {
        return SpdkException.withMessage("file device '" + spec.name() + "': " + spec.path() + why, -errno);
    }

    private static void deleteAgain(Path path, IOException problem) {
        try {
            Files.deleteIfExists(path);
        } catch (IOException keepIt) {
            problem.addSuppressed(keepIt);
        }
    }

    private static SpdkException refused(AioBdev spec, String why, int errno) {
        return SpdkException.withMessage(
                "file device '"
                        + spec.name()
                        + "': "
                        + spec.path()
                        + " can't be made with "
                        + spec.createSize().getAsLong()
                        + " bytes: "
                        + why,
                -errno);
    }
}
