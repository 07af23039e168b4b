package io.spdkio.embedded.linux;

import java.util.Map;

/** Error numbers as Linux counts them, which is also how SPDK reports them on every system. */
public final class Errno {

    public static final int EPERM = 1;
    public static final int ENOENT = 2;
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int ENXIO = 6;
    public static final int EBADF = 9;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EACCES = 13;
    public static final int EFAULT = 14;
    public static final int EBUSY = 16;
    public static final int EEXIST = 17;
    public static final int ENODEV = 19;
    public static final int ENOTDIR = 20;
    public static final int EISDIR = 21;
    public static final int EINVAL = 22;
    public static final int ENFILE = 23;
    public static final int EMFILE = 24;
    public static final int ENOTTY = 25;
    public static final int ETXTBSY = 26;
    public static final int EFBIG = 27;
    public static final int ENOSPC = 28;
    public static final int EROFS = 30;
    public static final int ENAMETOOLONG = 36;
    public static final int ENOSYS = 38;
    public static final int ELOOP = 40;
    public static final int EOVERFLOW = 75;
    public static final int EOPNOTSUPP = 95;
    public static final int ETIMEDOUT = 110;
    public static final int ESTALE = 116;
    public static final int EDQUOT = 122;
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
                    entry(EOPNOTSUPP, "EOPNOTSUPP", "operation not supported"),
                    entry(ETIMEDOUT, "ETIMEDOUT", "timed out"),
                    entry(ESTALE, "ESTALE", "stale file handle"),
                    entry(EDQUOT, "EDQUOT", "disk quota exceeded"),
                    entry(ECANCELED, "ECANCELED", "operation cancelled"));

    private Errno() {}

    /**
     * {@return the name and text, such as {@code "ENOSPC (no space left on device)"}}
     *
     * @param errno positive, or negated as completions carry it
     */
    public static String describe(int errno) {
        int positive = Math.abs(errno);
        Description known = DESCRIPTIONS.get(positive);
        return known == null ? "errno " + positive : known.name + " (" + known.text + ")";
    }

    private static Map.Entry<Integer, Description> entry(int errno, String name, String text) {
        return Map.entry(errno, new Description(name, text));
    }
}
