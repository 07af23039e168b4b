package io.spdkio;

import java.util.Map;

/**
 * The error numbers that SPDK and the Linux kernel report, with Linux's values on every platform.
 *
 * <p>A failed I/O carries one of these, negated, in its {@link IoStatus}; see {@code errno(3)}.
 */
public final class Errno {
    /** Operation not permitted: the device is claimed, or was opened read-only. */
    public static final int EPERM = 1;

    /** No such file or device name. */
    public static final int ENOENT = 2;

    /** Interrupted system call. */
    public static final int EINTR = 4;

    /** Input/output error. */
    public static final int EIO = 5;

    /** No such device or address: the blobstore is of another type. */
    public static final int ENXIO = 6;

    /** Bad file descriptor. */
    public static final int EBADF = 9;

    /** Try again: a resource is taken for the moment. */
    public static final int EAGAIN = 11;

    /** Out of memory, or of some bounded resource. */
    public static final int ENOMEM = 12;

    /** Permission denied. */
    public static final int EACCES = 13;

    /** Bad address. */
    public static final int EFAULT = 14;

    /** Device or resource busy. */
    public static final int EBUSY = 16;

    /** The name exists already. */
    public static final int EEXIST = 17;

    /** No such device: it was removed. */
    public static final int ENODEV = 19;

    /** Not a directory. */
    public static final int ENOTDIR = 20;

    /** Is a directory. */
    public static final int EISDIR = 21;

    /** Invalid argument. */
    public static final int EINVAL = 22;

    /** Too many open files in the system. */
    public static final int ENFILE = 23;

    /** Too many open files in this process. */
    public static final int EMFILE = 24;

    /** The device does not know the request. */
    public static final int ENOTTY = 25;

    /** The file is being executed. */
    public static final int ETXTBSY = 26;

    /** File too large. */
    public static final int EFBIG = 27;

    /** No space left on device. */
    public static final int ENOSPC = 28;

    /** Read-only file system. */
    public static final int EROFS = 30;

    /** File name too long. */
    public static final int ENAMETOOLONG = 36;

    /** The kernel has no such system call. */
    public static final int ENOSYS = 38;

    /** Too many levels of symbolic links. */
    public static final int ELOOP = 40;

    /** Value too large. */
    public static final int EOVERFLOW = 75;

    /** Bad message: data failed verification. */
    public static final int EILSEQ = 84;

    /** Operation not supported. */
    public static final int EOPNOTSUPP = 95;

    /** The operation did not finish in time. */
    public static final int ETIMEDOUT = 110;

    /** The file of a remote file system is gone. */
    public static final int ESTALE = 116;

    /** Disk quota exceeded. */
    public static final int EDQUOT = 122;

    /** The operation was cancelled. */
    public static final int ECANCELED = 125;

    private record Description(String name, String text) {}

    private static final Map<Integer, Description> DESCRIPTIONS =
            Map.ofEntries(
                    entry(EPERM, "EPERM", "operation not permitted"),
                    entry(ENOENT, "ENOENT", "no such file or directory"),
                    entry(EINTR, "EINTR", "interrupted system call"),
                    entry(EIO, "EIO", "input/output error"),
                    entry(ENXIO, "ENXIO", "no such device or address"),
                    entry(EBADF, "EBADF", "bad file descriptor"),
                    entry(EAGAIN, "EAGAIN", "resource temporarily unavailable"),
                    entry(ENOMEM, "ENOMEM", "cannot allocate memory"),
                    entry(EACCES, "EACCES", "permission denied"),
                    entry(EFAULT, "EFAULT", "bad address"),
                    entry(EBUSY, "EBUSY", "device or resource busy"),
                    entry(EEXIST, "EEXIST", "file exists"),
                    entry(ENODEV, "ENODEV", "no such device"),
                    entry(ENOTDIR, "ENOTDIR", "not a directory"),
                    entry(EISDIR, "EISDIR", "is a directory"),
                    entry(EINVAL, "EINVAL", "invalid argument"),
                    entry(ENFILE, "ENFILE", "too many open files in system"),
                    entry(EMFILE, "EMFILE", "too many open files"),
                    entry(ENOTTY, "ENOTTY", "not supported by this device"),
                    entry(ETXTBSY, "ETXTBSY", "text file busy"),
                    entry(EFBIG, "EFBIG", "file too large"),
                    entry(ENOSPC, "ENOSPC", "no space left on device"),
                    entry(EROFS, "EROFS", "read-only file system"),
                    entry(ENAMETOOLONG, "ENAMETOOLONG", "file name too long"),
                    entry(ENOSYS, "ENOSYS", "function not implemented"),
                    entry(ELOOP, "ELOOP", "too many levels of symbolic links"),
                    entry(EOVERFLOW, "EOVERFLOW", "value too large"),
                    entry(EILSEQ, "EILSEQ", "data failed verification"),
                    entry(EOPNOTSUPP, "EOPNOTSUPP", "operation not supported"),
                    entry(ETIMEDOUT, "ETIMEDOUT", "timed out"),
                    entry(ESTALE, "ESTALE", "stale file handle"),
                    entry(EDQUOT, "EDQUOT", "disk quota exceeded"),
                    entry(ECANCELED, "ECANCELED", "operation cancelled"));

    private Errno() {}

    private static Map.Entry<Integer, Description> entry(int errno, String name, String text) {
        return Map.entry(errno, new Description(name, text));
    }

    /**
     * The symbolic name of an error number.
     *
     * @param errno a positive error number
     * @return its name, such as {@code ENOSPC}, or {@code errno N} for one that is not listed here
     */
    public static String name(int errno) {
        Description known = DESCRIPTIONS.get(errno);
        return known == null ? "errno " + errno : known.name;
    }

    /**
     * The name and the meaning of an error number, for a person.
     *
     * @param errno positive, or negated as completions carry it
     * @return for instance {@code ENOSPC (no space left on device)}
     */
    public static String describe(int errno) {
        int positive = Math.abs(errno);
        Description known = DESCRIPTIONS.get(positive);
        return known == null ? "errno " + positive : known.name + " (" + known.text + ")";
    }
}
