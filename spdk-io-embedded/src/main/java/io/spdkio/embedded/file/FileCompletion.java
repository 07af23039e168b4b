package io.spdkio.embedded.file;

/**
 * Takes completions of file I/O, on the thread that polls the ring.
 *
 * @param <T> what an I/O was submitted with
 */
@FunctionalInterface
public interface FileCompletion<T> {
    /**
     * An I/O has ended. It may be submitted again in here, and the ring may be polled.
     *
     * @param request what it was submitted with
     * @param status 0 when all of it was done, or a negated errno: EIO where the file has ended before it, ENOSPC where
     *     the file system is full, ECANCELED, EOPNOTSUPP, or what the device reported
     */
    void completed(T request, int status);
}
