package io.spdkio.spi;

import io.spdkio.EngineInfo;

/**
 * Finds out whether an engine can run here, and opens it. Found with {@link java.util.ServiceLoader}; must load on
 * every machine.
 */
public interface EngineProvider {
    /**
     * What is known about the engine on this machine. Any thread.
     *
     * @return the same answer in every call as long as the machine stays the same
     */
    EngineInfo info();

    /**
     * Opens the engine. Called when none is open in this process, and only when {@link #info} says it is available. Any
     * thread.
     *
     * @param config the settings
     * @return the engine
     */
    Engine open(EngineConfig config);
}
