package io.spdkio.sys;

import java.util.function.Supplier;

/** Hands on to a device that is made after the ring it belongs to. */
record Forwarding(Supplier<BdevRequests> device) implements BdevRequests {
    @Override
    public void request(
            long io,
            int id,
            int channel,
            int operation,
            long offsetBlocks,
            long blockCount,
            long vectors,
            int vectorCount,
            long extra,
            int extraCount) {
        device.get()
                .request(io, id, channel, operation, offsetBlocks, blockCount, vectors, vectorCount, extra, extraCount);
    }

    @Override
    public void channelCreated(int id, int channel) {
        device.get().channelCreated(id, channel);
    }

    @Override
    public void channelDestroyed(int id, int channel) {
        device.get().channelDestroyed(id, channel);
    }

    @Override
    public void destruct(int id) {
        device.get().destruct(id);
    }

    @Override
    public void gone(int id) {
        device.get().gone(id);
    }
}
