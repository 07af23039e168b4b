package io.spdkio.sys;

/** SPDK cannot be found, linked, loaded or used as it is; the message is one line that says what to do. */
public final class NativeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes one.
     *
     * @param message what is wrong and what to do
     */
    public NativeException(String message) {
        super(message);
    }

    NativeException(String message, Throwable cause) {
        super(message, cause);
    }
}
