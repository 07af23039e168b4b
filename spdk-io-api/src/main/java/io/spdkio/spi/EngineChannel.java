package io.spdkio.spi;

/** The engine's channel. All methods are called on its thread. */
public interface EngineChannel {
    /**
     * Takes an I/O whose arguments are valid. It must lead to exactly one {@link IoRequest#complete}, which may come
     * before this returns.
     *
     * @param io the I/O
     */
    void submit(IoRequest io);

    /**
     * Tries to abort an I/O. It completes in any case: with {@link io.spdkio.IoStatus#ABORTED} if that worked.
     *
     * @param io an I/O that is outstanding on this channel
     */
    void abort(IoRequest io);

    /**
     * Called in the poll that hands out the completion of an I/O, just before its submitter hears of it.
     *
     * @param io the I/O
     * @param status its {@link io.spdkio.IoStatus}
     * @return true to hand it out; false when it stays outstanding, because the engine tries it again
     */
    default boolean completed(IoRequest io, int status) {
        return true;
    }

    /** Closes it. Nothing is outstanding. */
    void close();
}
