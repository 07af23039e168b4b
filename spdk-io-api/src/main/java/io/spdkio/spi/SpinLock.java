package io.spdkio.spi;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Guards a few fields for a few instructions, as {@code spdk_spinlock}. What SPDK threads share takes this and not a
 * monitor or a {@code java.util.concurrent} lock.
 *
 * <p>Those queue. A forked thread that waits in such a queue lets go of its OS thread, which goes on with other work of
 * the SPDK thread; when that wants the lock too, it stands behind the forked thread and blocks the OS thread. The lock
 * then goes to the forked thread, which has nothing left to run on, and both wait for ever. Whoever waits here keeps
 * its OS thread, and nobody is next.
 *
 * <p>So while it is held nothing is called that can wait: no code of users, no system call, no other lock. Not
 * reentrant.
 *
 * <pre>{@code
 * try (SpinLock _ = lock.acquire()) {
 *     …
 * }
 * }</pre>
 */
public final class SpinLock implements AutoCloseable {
    /** After so many tries the holder has probably lost its core. */
    private static final int TRIES = 200;

    private static final VarHandle HELD;

    static {
        try {
            HELD = MethodHandles.lookup().findVarHandle(SpinLock.class, "held", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private volatile boolean held;

    /** Makes a lock that nobody holds. */
    public SpinLock() {}

    /**
     * Waits for it. Called on any thread.
     *
     * @return this, to be closed by the same thread
     */
    public SpinLock acquire() {
        for (int tries = 0; held || !HELD.compareAndSet(this, false, true); tries++) {
            // A forked thread that yields lets go of its OS thread.
            if (tries < TRIES || Thread.currentThread().isVirtual()) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
        return this;
    }

    /** Lets go of it. */
    @Override
    public void close() {
        held = false;
    }
}
