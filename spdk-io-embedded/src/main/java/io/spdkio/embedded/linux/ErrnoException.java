package io.spdkio.embedded.linux;

import io.spdkio.Errno;

/** A system call that failed: what was tried, on what, and the errno that came back. */
public final class ErrnoException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final int errno;

    /**
     * @param errno positive, as in {@code errno(3)}
     * @param attempt what was tried and on what, such as {@code "cannot open /tmp/disk.img"}
     */
    public ErrnoException(int errno, String attempt) {
        this(errno, attempt, null);
    }

    /**
     * @param errno positive, as in {@code errno(3)}
     * @param attempt what was tried and on what
     * @param advice what the user can do about it, or null
     */
    public ErrnoException(int errno, String attempt, String advice) {
        super(attempt + ": " + Errno.describe(errno) + (advice == null ? "" : "; " + advice));
        this.errno = errno;
    }

    /** {@return the errno, positive; see {@link Errno}} */
    public int errno() {
        return errno;
    }

    /** {@return result, unless it is a negated errno} */
    static long check(long result, String attempt, Object on) {
        if (result < 0) {
            throw new ErrnoException((int) -result, attempt + " " + on);
        }
        return result;
    }
}
