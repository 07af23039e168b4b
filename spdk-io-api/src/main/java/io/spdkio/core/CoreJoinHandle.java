package io.spdkio.core;

import io.spdkio.JoinHandle;
import io.spdkio.SpdkThread;

import java.util.concurrent.CompletableFuture;

/** The result of a spawned thread. */
record CoreJoinHandle<T>(SpdkThread thread, CompletableFuture<T> result) implements JoinHandle<T> {
    @Override
    public T join() {
        return CoreThread.result(result);
    }
}
