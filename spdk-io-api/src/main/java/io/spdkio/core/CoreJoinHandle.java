package io.spdkio.core;

import io.spdkio.JoinHandle;
import io.spdkio.SpdkThread;

import java.util.concurrent.CompletableFuture;

/** The result of a spawned thread. */
record CoreJoinHandle<T>(CoreEnv env, SpdkThread thread, CompletableFuture<T> result) implements JoinHandle<T> {
    @Override
    public T join() {
        CoreThread polled = result.isDone() ? null : env.polledByCaller();
        if (polled != null) {
            // The other thread may need this one to get on: a reset there waits for a channel here.
            polled.pollWhileWaitingFor(result, Long.MAX_VALUE, false);
        }
        return CoreThread.result(result);
    }
}
