package io.spdkio.core;

import io.spdkio.IoChannel;
import io.spdkio.IoDeviceId;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;

/**
 * A thread's channel to a device, shared by its handles. Released when the last handle or the device is closed and
 * nothing is outstanding.
 */
interface SharedChannel {
    /** The thread it belongs to. */
    CoreThread thread();

    /** The device it leads to. */
    IoDeviceId ioDeviceId();

    /** The device, for a message. */
    String target();

    /** How many I/Os are outstanding. */
    int outstanding();

    /** Refuses new I/O, and releases it when nothing is outstanding. On its thread. */
    void close();

    /** Releases it now: its thread exits. */
    void release();

    /** Its thread exits with I/O outstanding: nobody is to wait for this channel's release. */
    default void abandon() {}

    /** Its handles. */
    Handles handles();

    /** Counts the handles of a channel. */
    final class Handles {
        private final SharedChannel channel;
        private int count;

        Handles(SharedChannel channel) {
            this.channel = channel;
        }

        IoChannel add() {
            count++;
            return new Handle(this);
        }
    }

    /** What a handle leads to. */
    static SharedChannel of(IoChannel channel) {
        if (channel instanceof Handle handle) {
            if (handle.closed) {
                throw new SpdkException.Closed("the channel is closed; get another from SpdkThread.ioChannel");
            }
            return handle.handles.channel;
        }
        throw new IllegalArgumentException(
                "channels come from SpdkThread.ioChannel; this is "
                        + (channel == null ? "null" : "a " + channel.getClass().getName()));
    }

    /** One count of a channel. */
    final class Handle implements IoChannel {
        private final Handles handles;
        private boolean closed;

        private Handle(Handles handles) {
            this.handles = handles;
        }

        @Override
        public SpdkThread thread() {
            return handles.channel.thread();
        }

        @Override
        public IoDeviceId ioDeviceId() {
            return handles.channel.ioDeviceId();
        }

        @Override
        public int outstanding() {
            return handles.channel.outstanding();
        }

        @Override
        public void close() {
            SharedChannel channel = handles.channel;
            CoreThread thread = channel.thread();
            if (closed || thread.state() == SpdkThread.State.EXITED) {
                return;
            }
            thread.checkCurrent("the channel to " + channel.target());
            closed = true;
            if (--handles.count == 0) {
                // Not found by ioChannel any more: the next one to ask gets a fresh channel, whatever is outstanding
                // here.
                thread.forget(channel);
                channel.close();
            }
        }
    }
}
