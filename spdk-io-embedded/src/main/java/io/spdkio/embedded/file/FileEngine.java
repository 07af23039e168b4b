package io.spdkio.embedded.file;

import io.spdkio.embedded.linux.IoUringSupport;
import io.spdkio.embedded.linux.Linux;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The way in which files are read and written here.
 *
 * <p>May be used from any thread.
 */
public final class FileEngine implements AutoCloseable {

    /** Ways to do file I/O, best first. */
    public enum Method {
        /** Linux io_uring: direct, and many I/Os a system call. */
        IO_URING,
        /** Blocking Linux system calls on worker threads: direct too, for where io_uring is forbidden. */
        THREADS,
        /**
         * {@link java.nio.channels.FileChannel} on worker threads: on every system, through the page cache, without
         * unmap.
         */
        FILE_CHANNEL;

        /** {@return the name for users} */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** {@return why this cannot be had here and what to do about it, empty when it can} */
        public Optional<String> unavailabilityCause() {
            return switch (this) {
                case IO_URING -> IoUringSupport.probe().cause();
                case THREADS -> Linux.unavailabilityCause();
                case FILE_CHANNEL -> Optional.empty();
            };
        }
    }

    /** The system property that names a {@link Method}; without it the best that can be had is taken. */
    public static final String METHOD_PROPERTY = "io.spdkio.embedded.files";

    /** As many I/Os as a device sees at once. */
    private static final int MOST_WORKERS = 32;

    private final Method method;
    private final Optional<String> cause;
    private final RegisteredMemory memory = new RegisteredMemory();
    private final ThreadPoolExecutor workers;

    private FileEngine(Method method, Optional<String> cause) {
        this.method = method;
        this.cause = cause;
        this.workers = method == Method.IO_URING ? null : startWorkers();
    }

    /**
     * Opens the engine that {@link #METHOD_PROPERTY} names, or the best that can be had.
     *
     * @throws UnsupportedOperationException when the one that is named cannot be had
     */
    public static FileEngine open() {
        String wanted = System.getProperty(METHOD_PROPERTY, "auto");
        if (wanted.equals("auto")) {
            return best();
        }
        return Arrays.stream(Method.values())
                .filter(method -> method.label().equals(wanted))
                .findAny()
                .map(FileEngine::open)
                .orElseThrow(() ->
                        new IllegalArgumentException(
                                METHOD_PROPERTY
                                        + "="
                                        + wanted
                                        + ": it may be auto, "
                                        + String.join(
                                                ", ", Arrays.stream(Method.values()).map(Method::label).toList())));
    }

    /**
     * Opens the engine with this method.
     *
     * @throws UnsupportedOperationException when it cannot be had, with the cause
     */
    public static FileEngine open(Method method) {
        method.unavailabilityCause()
                .ifPresent(cause -> {
                    throw new UnsupportedOperationException(method.label() + " cannot be used for files: " + cause);
                });
        return new FileEngine(method, Optional.empty());
    }

    private static FileEngine best() {
        Optional<String> uring = Method.IO_URING.unavailabilityCause();
        if (uring.isEmpty()) {
            return new FileEngine(Method.IO_URING, Optional.empty());
        }
        Optional<String> threads = Method.THREADS.unavailabilityCause();
        return new FileEngine(threads.isEmpty() ? Method.THREADS : Method.FILE_CHANNEL, uring);
    }

    private static ThreadPoolExecutor startWorkers() {
        AtomicInteger number = new AtomicInteger();
        ThreadPoolExecutor pool =
                new ThreadPoolExecutor(
                        MOST_WORKERS,
                        MOST_WORKERS,
                        10,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(),
                        task ->
                                Thread.ofPlatform()
                                        .name("spdk-io-file-" + number.getAndIncrement())
                                        .daemon()
                                        .unstarted(task));
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    /** {@return how files are read and written} */
    public Method method() {
        return method;
    }

    /** {@return why it is not {@link Method#IO_URING}, empty when it is or when another was asked for} */
    public Optional<String> fallbackCause() {
        return cause;
    }

    /** {@return the memory that rings register with the kernel} */
    public RegisteredMemory memory() {
        return memory;
    }

    /**
     * Opens a file or block device.
     *
     * @throws io.spdkio.embedded.linux.ErrnoException when it cannot be, with what to do about it
     */
    public BackingFile openFile(FileOptions options) {
        return method == Method.FILE_CHANNEL ? ChannelBackingFile.open(options) : LinuxBackingFile.open(options);
    }

    /**
     * Makes a ring for the calling thread, to be used and closed by it alone.
     *
     * @param <T> what its I/O is submitted with
     * @param completion takes all completions
     * @throws io.spdkio.embedded.linux.ErrnoException when the kernel refuses another one
     */
    public <T> FileRing<T> newRing(FileCompletion<T> completion) {
        return method == Method.IO_URING
                ? new UringFileRing<>(memory, completion)
                : new WorkerFileRing<>(workers, completion);
    }

    /** Ends the worker threads. All rings are closed before. */
    @Override
    public void close() {
        if (workers != null) {
            workers.shutdown();
        }
    }
}
