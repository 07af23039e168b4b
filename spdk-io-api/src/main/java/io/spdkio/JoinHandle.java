package io.spdkio;

import java.util.concurrent.CompletableFuture;

/**
 * The other end of a spawned thread, as {@link Thread#join} but with the result.
 *
 * <p>Methods may be called from any thread.
 *
 * @param <T> what the thread's body returns
 */
public interface JoinHandle<T> {
    /**
     * The spawned thread, for {@link SpdkThread#execute} and state; its confined methods stay confined to it.
     *
     * @return the thread
     */
    SpdkThread thread();

    /**
     * Waits until the body has returned and the thread has drained and exited. An SPDK thread that the caller carries
     * is polled meanwhile.
     *
     * @return what the body returned
     * @throws SpdkException if the body threw one
     * @throws java.util.concurrent.CompletionException if the body threw anything else; that is its cause
     */
    T join();

    /**
     * The same as a future; it completes after the thread has exited.
     *
     * @return a future of the body's result
     */
    CompletableFuture<T> result();
}
