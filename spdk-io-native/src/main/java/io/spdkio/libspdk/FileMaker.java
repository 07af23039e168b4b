package io.spdkio.libspdk;

import io.spdkio.Errno;
import io.spdkio.SpdkException;
import io.spdkio.bdev.AioBdev;

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
            refuseEmpty(spec);
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

    /** SPDK makes a device without blocks of what has no size. */
    private static void refuseEmpty(AioBdev spec) {
        try {
            int kind = (int) Files.getAttribute(spec.path(), "unix:mode") & FILE_KIND;
            if (kind != BLOCK_DEVICE && kind != FOLDER && Files.size(spec.path()) == 0) {
                throw SpdkException.withMessage(
                        "file device '"
                                + spec.name()
                                + "': "
                                + spec.path()
                                + " has no size; name a larger file, or have it made with a size",
                        -Errno.EINVAL);
            }
        } catch (IOException e) {
            // SPDK says what is wrong with it.
        }
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
