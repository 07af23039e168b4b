package io.spdkio.spi;

import io.spdkio.bdev.ClaimType;

/** The engine's descriptor. Called on the thread that opened it, except where a method says otherwise. */
public interface EngineDesc {
    /**
     * Opens a channel of the calling thread. Called at most once for each thread until that channel is closed.
     *
     * @param thread the calling thread
     * @return the channel
     */
    EngineChannel openChannel(EngineThread thread);

    /**
     * Claims the device.
     *
     * @param type how
     */
    void claim(ClaimType type);

    /** Lets go of the device. All channels are closed. May come from another of the environment's threads. */
    void close();
}
