package io.spdkio.embedded.blob.format;

import java.io.Serial;

/** What is on the device is no blobstore, or a damaged one. The message says what is wrong and where. */
public final class CorruptStoreException extends RuntimeException {
    @Serial private static final long serialVersionUID = 1;

    /** Whether nothing refers to what is damaged. */
    private final boolean harmless;

    /**
     * Creates an exception.
     *
     * @param message what is wrong, and where
     */
    public CorruptStoreException(String message) {
        this(message, false);
    }

    private CorruptStoreException(String message, boolean harmless) {
        super(message);
        this.harmless = harmless;
    }

    static CorruptStoreException harmless(String message) {
        return new CorruptStoreException(message, true);
    }

    /**
     * Whether nothing refers to what is damaged, as when the first write of a page was cut short.
     *
     * @return true if the rest of the store can be trusted
     */
    public boolean isHarmless() {
        return harmless;
    }
}
