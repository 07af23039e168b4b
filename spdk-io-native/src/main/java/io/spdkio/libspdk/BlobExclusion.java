package io.spdkio.libspdk;

import io.spdkio.spi.BlobErrors;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongFunction;
import java.util.function.Supplier;

/**
 * Keeps apart what blobstore does not. On the metadata thread.
 *
 * <p>Of a blob that is inflated, v26.01 lets others read and write meanwhile, and takes what they read through away
 * when it is done: whoever is just about to use it, or has given a cluster back with an unmap that was under way
 * before, follows a null pointer. A write that is under way when its blob is made smaller goes to a cluster that may be
 * another blob's by then. When the metadata of a blob is being written while it is resized, what blobstore knows of it
 * no longer fits into the memory it has for that. And a blob that is taken off its parent loses the clusters that the
 * parent takes over from its own parent at the same time, when that one is deleted.
 *
 * <p>So operations on one blob take turns. I/O waits while its blob, or one that it reads through, is changed, and the
 * change waits for what is under way. And an operation on a family is refused while another one relies on that family's
 * staying as it is.
 */
final class BlobExclusion {
    /** Stands for the channel of the metadata thread among the blobs. */
    private static final long COPIES = -1;

    private final NativeThread thread;
    private final LongFunction<OptionalLong> parentOf;
    private final Map<Long, BlobGate> gates = new HashMap<>();
    private final Set<Long> open = new HashSet<>();
    private final Set<Long> locked = new HashSet<>();
    private final Map<Long, Integer> shared = new HashMap<>();
    private final List<Change> changes = new ArrayList<>();

    /** Of each blob that has operations, the last. */
    private final Map<Long, CompletableFuture<?>> turns = new HashMap<>();

    private final BlobGate copies;

    /** A blob that is being changed, and the gates that are closed for it. */
    private record Change(long id, List<BlobGate> closed) {}

    BlobExclusion(NativeThread thread, LongFunction<OptionalLong> parentOf) {
        this.thread = thread;
        this.parentOf = parentOf;
        this.copies = new BlobGate(thread);
    }

    /** A blob was opened, once more or for the first time. */
    BlobGate opened(long id) {
        BlobGate gate = gates.computeIfAbsent(id, _ -> new BlobGate(thread));
        if (open.add(id)) {
            changes.stream()
                    .filter(change -> !change.closed.contains(gate) && readsThrough(id, change.id))
                    .forEach(change -> {
                        change.closed.add(gate);
                        var _ = gate.close();
                    });
        }
        return gate;
    }

    /** Nobody has it open any more. */
    void closed(long id) {
        open.remove(id);
        forgetUnused(id);
    }

    private void forgetUnused(long id) {
        gates.computeIfPresent(id, (_, gate) -> open.contains(id) || !gate.isUnused() ? gate : null);
    }

    private boolean readsThrough(long id, long other) {
        for (OptionalLong at = OptionalLong.of(id); at.isPresent(); at = parentOf.apply(at.getAsLong())) {
            if (at.getAsLong() == other) {
                return true;
            }
        }
        return false;
    }

    /** Does something when what was begun before it on the blob has ended. */
    <T> CompletableFuture<T> inTurn(long id, Supplier<CompletableFuture<T>> operation) {
        CompletableFuture<?> before = turns.get(id);
        CompletableFuture<T> turn =
                before == null ? operation.get() : before.handle((_, _) -> null).thenCompose(_ -> operation.get());
        turns.put(id, turn);
        var _ = turn.whenComplete((_, _) -> turns.remove(id, turn));
        return turn;
    }

    /**
     * Does something while no I/O is under way that uses a blob.
     *
     * @param id the blob that is changed
     */
    <T> CompletableFuture<T> quietly(long id, Supplier<CompletableFuture<T>> operation) {
        Change change = new Change(id, new ArrayList<>());
        open.stream().filter(other -> readsThrough(other, id)).map(gates::get).forEach(change.closed::add);
        changes.add(change);
        return closed(change.closed, operation).whenComplete((_, _) -> changes.remove(change));
    }

    /** Does something while no I/O is under way that uses any blob. */
    <T> CompletableFuture<T> allQuietly(Supplier<CompletableFuture<T>> operation) {
        return closed(open.stream().map(gates::get).toList(), operation);
    }

    private static <T> CompletableFuture<T> closed(List<BlobGate> gates, Supplier<CompletableFuture<T>> operation) {
        CompletableFuture<?>[] quiet = gates.stream().map(BlobGate::close).toArray(CompletableFuture<?>[]::new);
        return CompletableFuture.allOf(quiet)
                .thenCompose(_ -> operation.get())
                .whenComplete((_, _) -> gates.forEach(BlobGate::open));
    }

    /** The gate of all I/O of the metadata thread. */
    BlobGate copies() {
        return copies;
    }

    /**
     * Does something that copies clusters on the metadata thread. Up to v26.01 at least blobstore leaves those out for
     * which it finds its channel waiting for a cluster: one such operation at a time, and no I/O of that thread's.
     */
    <T> CompletableFuture<T> copying(Supplier<CompletableFuture<T>> operation) {
        return inTurn(
                COPIES, () -> copies.close().thenCompose(_ -> operation.get()).whenComplete((_, _) -> copies.open()));
    }

    /**
     * Does something that others would come in the way of.
     *
     * @param what for the message of a refusal
     * @param changes whom it changes
     * @param relies on whose staying as it is it relies
     * @throws io.spdkio.SpdkException.Busy when another operation has to do with them
     */
    <T> CompletableFuture<T> exclusively(
            String what, List<Long> changes, OptionalLong relies, Supplier<CompletableFuture<T>> operation) {
        for (long id : changes) {
            if (locked.contains(id) || shared.containsKey(id)) {
                throw BlobErrors.busy(what);
            }
        }
        if (relies.isPresent() && locked.contains(relies.getAsLong())) {
            throw BlobErrors.busy(what);
        }
        locked.addAll(changes);
        relies.ifPresent(id -> shared.merge(id, 1, Integer::sum));
        CompletableFuture<T> running;
        try {
            running = operation.get();
        } catch (Throwable e) {
            running = CompletableFuture.failedFuture(e);
        }
        return running.whenComplete((_, _) -> {
            changes.forEach(locked::remove);
            relies.ifPresent(id -> shared.computeIfPresent(id, (_, count) -> count == 1 ? null : count - 1));
        });
    }
}
