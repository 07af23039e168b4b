package io.spdkio;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * The future of an operation on an {@link SpdkThread}.
 *
 * <p>Continuations run on that thread, in the poll that completes the operation, never inside the call that submitted
 * it.
 *
 * <p>{@link #join} and {@link #get()} may be called anywhere. On an OS thread that carries SPDK threads they poll these
 * instead of blocking for ever, whichever thread completes the operation: it may need them, as a reset does. In a
 * {@linkplain SpdkThread#fork forked} virtual thread they park that one. {@code get} listens to interrupts. This also
 * holds for the stages derived from this one; for others, such as {@link CompletableFuture#allOf}, use {@link
 * SpdkThread#await}.
 *
 * <p>When the thread exits and the device has not ended the operation in time, the future fails with {@link
 * SpdkException.Closed}; its buffers stay leased.
 *
 * <p>{@link #cancel} and {@link #withDeadline} settle the future early and ask the device to abort. The operation's
 * buffers stay leased until the device is done with them. A continuation of a future that is cancelled from another
 * thread runs on that thread.
 *
 * @param <T> the operation's result
 */
public abstract class IoFuture<T> extends CompletableFuture<T> {
    /** For the library. */
    protected IoFuture() {}

    /**
     * Waits for the result.
     *
     * @return the result
     * @throws SpdkException if the operation failed with one; not wrapped
     * @throws CompletionException if it failed with anything else
     */
    @Override
    public T join() {
        return super.join();
    }

    /**
     * Fails this future with {@link SpdkException.TimedOut} and aborts the operation, if it has not completed by then.
     * Call it on the future that the operation returned.
     *
     * @param deadline how long from now, more than zero
     * @return this future
     */
    public abstract IoFuture<T> withDeadline(Duration deadline);
}
