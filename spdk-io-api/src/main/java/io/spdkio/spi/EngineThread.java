package io.spdkio.spi;

/** The engine's part of a thread. All methods are called on the OS thread it is attached to. */
public interface EngineThread {
    /**
     * Does the engine's work: hands submitted I/O to devices and completes what they have done.
     *
     * @return how much it did; 0 when idle
     */
    int poll();

    /**
     * Whether the engine has something to do besides the I/O that is outstanding.
     *
     * @return true if not
     */
    boolean isIdle();

    /** Ends it. No channel is open any more. */
    void close();

    /**
     * Called instead of {@link #close} when the thread exits although devices did not end its I/O in time. Nobody polls
     * it again; its channels and what the devices may still use stay, and no other thread may wait for them.
     */
    default void giveUp() {}
}
