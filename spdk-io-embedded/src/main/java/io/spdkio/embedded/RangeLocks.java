package io.spdkio.embedded;

import io.spdkio.spi.SpinLock;

import java.util.ArrayList;
import java.util.List;

/**
 * The range locks of a device, in the order in which they were asked for. This list is the truth; what a channel knows
 * of it is a copy, and what threads tell each other is only to look again.
 *
 * <ul>
 *   <li>A lock is in the list from {@link #request} to {@link #end}. A channel that has looked keeps out what any lock
 *       of the list keeps out, granted or not.
 *   <li>It is granted, once, when no earlier one that overlaps is in the list any more and when every channel that was
 *       there at the request has looked and then had nothing in the device that the lock keeps out. A channel opened
 *       later begins with the list.
 *   <li>Whatever changes the list has every channel look, after the change. A look compares the whole list with the
 *       copy, so it does not matter how many words of a change are on their way, in which order they come, or that a
 *       lock has come and gone meanwhile.
 *   <li>A channel that closes, or whose thread exits, {@link #leave leaves}: nobody waits for it any more, and the
 *       locks that it asked for end.
 * </ul>
 *
 * <p>An earlier lock may still put I/O of its own into the device after a channel has said that nothing is there: a
 * compareAndWrite writes after it has compared. A later lock that overlaps waits for the end of the earlier one, which
 * comes after all of that.
 *
 * <p>Nothing is called with {@link #guard} held.
 */
final class RangeLocks {
    private final SpinLock guard = new SpinLock();
    private final List<EmbeddedChannel> channels = new ArrayList<>();

    /** Replaced as a whole, so that channels read it without the guard. */
    private volatile List<RangeLock> list = List.of();

    private long requests;

    /** What is there now, the earliest first. */
    List<RangeLock> list() {
        return list;
    }

    /** A new channel, without I/O, takes part from now on. Returns what it has to keep out. */
    List<RangeLock> join(EmbeddedChannel channel) {
        try (SpinLock _ = guard.acquire()) {
            channels.add(channel);
            return list;
        }
    }

    /** A channel has nothing in the device any more, or nobody can say when. On its thread. */
    void leave(EmbeddedChannel channel) {
        List<RangeLock> orphans;
        try (SpinLock _ = guard.acquire()) {
            channels.remove(channel);
            list.forEach(lock -> lock.busy.remove(channel));
            orphans = list.stream().filter(lock -> lock.origin() == channel).toList();
        }
        orphans.forEach(this::end);
        grant();
    }

    /** Asks for a lock. On its origin's thread. */
    void request(RangeLock lock) {
        try (SpinLock _ = guard.acquire()) {
            lock.number = ++requests;
            lock.busy.addAll(channels);
            List<RangeLock> longer = new ArrayList<>(list);
            longer.add(lock);
            list = List.copyOf(longer);
        }
        look();
    }

    /** Told by a channel that knows of a lock that nothing it keeps out is in the device any more. */
    void quiet(RangeLock lock, EmbeddedChannel channel) {
        try (SpinLock _ = guard.acquire()) {
            lock.busy.remove(channel);
        }
        grant();
    }

    /** Ends a lock, granted or not. On its origin's thread. */
    void end(RangeLock lock) {
        try (SpinLock _ = guard.acquire()) {
            list = list.stream().filter(other -> other != lock).toList();
        }
        grant();
        look();
    }

    private void look() {
        List<EmbeddedChannel> all;
        try (SpinLock _ = guard.acquire()) {
            all = List.copyOf(channels);
        }
        // A message that nobody takes is for a thread that has exited: its channel leaves.
        all.forEach(channel -> {
            boolean _ = channel.run(channel::look);
        });
    }

    /** Grants what can be granted. */
    private void grant() {
        List<RangeLock> due;
        try (SpinLock _ = guard.acquire()) {
            due = list.stream().filter(this::isDue).toList();
            due.forEach(lock -> lock.granted = true);
        }
        due.forEach(lock -> {
            boolean _ = lock.origin().run(lock::onGranted);
        });
    }

    private boolean isDue(RangeLock lock) {
        if (lock.granted || !lock.busy.isEmpty()) {
            return false;
        }
        for (RangeLock earlier : list) {
            if (earlier == lock) {
                break;
            }
            if (earlier.overlaps(lock)) {
                return false;
            }
        }
        return true;
    }
}
