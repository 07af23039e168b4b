package io.spdkio;

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

    /** Input/output error. */
    public static final int EIO = 5;

    /** No such device or address: the blobstore is of another type. */
    public static final int ENXIO = 6;

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

    /** Is a directory. */
    public static final int EISDIR = 21;

    /** Invalid argument. */
    public static final int EINVAL = 22;

    /** File too large. */
    public static final int EFBIG = 27;

    /** No space left on device. */
    public static final int ENOSPC = 28;

    /** Read-only file system. */
    public static final int EROFS = 30;

    /** Bad message: data failed verification. */
    public static final int EILSEQ = 84;

    /** Operation not supported. */
    public static final int EOPNOTSUPP = 95;

    /** The operation did not finish in time. */
    public static final int ETIMEDOUT = 110;

    /** The operation was cancelled. */
    public static final int ECANCELED = 125;

    private Errno() {}

    /**
     * The symbolic name of an error number.
     *
     * @param errno a positive error number
     * @return its name, such as {@code ENOSPC}, or {@code errno N} for one that is not listed here
     */
    public static String name(int errno) {
        return switch (errno) {
            case EPERM -> "EPERM";
            case ENOENT -> "ENOENT";
            case EIO -> "EIO";
            case ENXIO -> "ENXIO";
            case EAGAIN -> "EAGAIN";
            case ENOMEM -> "ENOMEM";
            case EACCES -> "EACCES";
            case EFAULT -> "EFAULT";
            case EBUSY -> "EBUSY";
            case EEXIST -> "EEXIST";
            case ENODEV -> "ENODEV";
            case EISDIR -> "EISDIR";
            case EINVAL -> "EINVAL";
            case EFBIG -> "EFBIG";
            case ENOSPC -> "ENOSPC";
            case EROFS -> "EROFS";
            case EILSEQ -> "EILSEQ";
            case EOPNOTSUPP -> "EOPNOTSUPP";
            case ETIMEDOUT -> "ETIMEDOUT";
            case ECANCELED -> "ECANCELED";
            default -> "errno " + errno;
        };
    }
}
