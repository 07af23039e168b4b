package io.spdkio;

/**
 * A function that an {@link SpdkThread} calls again and again ({@code spdk_poller}).
 *
 * <p><b>Thread:</b> confined to its thread. {@link #close} inside the poller's own function is allowed. An exception
 * out of the function is reported to the environment's exception handler, and the poller goes on.
 */
public interface Poller extends AutoCloseable {
    /**
     * The name it was registered with.
     *
     * @return the name
     */
    String name();

    /**
     * How often the function has run.
     *
     * @return the number of runs
     */
    long runs();

    /** Stops calling the function until {@link #resume}. Pausing twice is once. */
    void pause();

    /** Calls the function again; a timed poller waits a whole period first. */
    void resume();

    /**
     * Whether it is paused.
     *
     * @return true between {@link #pause} and {@link #resume}
     */
    boolean isPaused();

    /** Unregisters it: the function is not called any more. Closing twice is once. */
    @Override
    void close();
}
