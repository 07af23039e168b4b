package io.spdkio;

import java.io.Serial;

/**
 * A confined handle was used on another thread than the one it belongs to. Send the work there with {@link
 * SpdkThread#execute}.
 */
public final class WrongThreadException extends SpdkException {
    @Serial private static final long serialVersionUID = 1;

    /**
     * Creates an exception.
     *
     * @param what the handle that was used
     * @param owner the thread it belongs to
     * @param caller the thread it was used on
     */
    public WrongThreadException(String what, Thread owner, Thread caller) {
        super(
                what
                        + " belongs to thread '"
                        + owner.getName()
                        + "' and was used on thread '"
                        + caller.getName()
                        + "'. Send the work to its owner with SpdkThread.execute",
                0,
                null);
    }
}
