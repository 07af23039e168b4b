package io.spdkio;

import java.io.Serial;

/** The engine that was asked for can't run here. The message says why and what to install or set. */
public final class EngineUnavailableException extends SpdkException {
    @Serial private static final long serialVersionUID = 1;

    /**
     * Creates an exception.
     *
     * @param message which engine, why not, what to do
     */
    public EngineUnavailableException(String message) {
        super(message, 0, null);
    }
}
