package io.spdkio.core;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** An OS thread with SPDK threads attached. */
final class OsThread {
    private final Thread thread;
    private final List<CoreThread> attached = new CopyOnWriteArrayList<>();

    /** The one being polled; used on the OS thread itself only. */
    CoreThread polled;

    OsThread(Thread thread) {
        this.thread = thread;
    }

    Thread thread() {
        return thread;
    }

    void attach(CoreThread spdkThread) {
        attached.add(spdkThread);
    }

    void detach(CoreThread spdkThread) {
        attached.remove(spdkThread);
    }

    /** Polls what is attached besides one; how much that did. On the OS thread itself. */
    int pollOthers(CoreThread one) {
        int work = 0;
        for (CoreThread other : attached) {
            if (other != one && !other.isDeep()) {
                work += other.poll();
            }
        }
        return work;
    }

    /**
     * Drains and ends what is attached, when the OS thread ends: nobody would poll it again, and others would wait for
     * that. On the OS thread itself.
     */
    void closeAll() {
        attached.forEach(CoreThread::exit);
        attached.forEach(CoreThread::close);
    }

    /** The SPDK thread that code on this OS thread runs on; null when there is none. */
    CoreThread current() {
        if (polled != null) {
            return polled;
        }
        return attached.isEmpty() ? null : attached.getLast();
    }
}
