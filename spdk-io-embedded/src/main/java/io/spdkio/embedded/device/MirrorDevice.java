package io.spdkio.embedded.device;

import io.spdkio.IoStatus;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevEvent;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.RaidBdev;
import io.spdkio.embedded.BaseDevice;
import io.spdkio.spi.IoRequest;
import io.spdkio.spi.SpinLock;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;

/**
 * The same data on every base (raid1). A base that fails a change, or is removed, is lost to the mirror for good; the
 * mirror is removed with its last one. A read that one base fails is answered by another and written back.
 */
final class MirrorDevice implements Raid.Device {
    private final RaidBdev spec;
    private final List<Leg> legs;
    private final List<MirrorChannel> channels = new CopyOnWriteArrayList<>();
    private final SpinLock guard = new SpinLock();
    private Registration registration;

    /** A base. Its fields are written under the device's guard. */
    private static final class Leg {
        private final int index;
        private final BaseDevice base;
        private volatile boolean lost;
        private int channels;
        private boolean closed;

        Leg(int index, BaseDevice base) {
            this.index = index;
            this.base = base;
        }
    }

    MirrorDevice(RaidBdev spec, List<BaseDevice> bases) {
        this.spec = spec;
        List<Leg> made = new ArrayList<>();
        for (BaseDevice base : bases) {
            made.add(new Leg(made.size(), base));
        }
        legs = List.copyOf(made);
        legs.forEach(leg -> leg.base.listen(event -> baseChanged(leg, event)));
    }

    private void baseChanged(Leg leg, BdevEvent event) {
        switch (event) {
            case REMOVED -> lose(leg);
            case RESIZED -> resize();
        }
    }

    private void resize() {
        Registration target;
        try (SpinLock _ = guard.acquire()) {
            target = registration;
        }
        if (target != null && legs.stream().anyMatch(leg -> !leg.lost)) {
            target.resize(blockCount());
        }
    }

    /** Goes on without a base: its channels are closed, each on its thread, and then the base. */
    private void lose(Leg leg) {
        Registration target;
        try (SpinLock _ = guard.acquire()) {
            if (leg.lost) {
                return;
            }
            leg.lost = true;
            target = registration;
        }
        if (target != null && legs.stream().allMatch(each -> each.lost)) {
            target.remove();
        }
        channels.forEach(channel -> channel.drop(leg));
        closeIfUnused(leg);
    }

    private void closeIfUnused(Leg leg) {
        try (SpinLock _ = guard.acquire()) {
            if (!leg.lost || leg.channels > 0 || leg.closed) {
                return;
            }
            leg.closed = true;
        }
        leg.base.close();
    }

    private void channelClosed(Leg leg) {
        try (SpinLock _ = guard.acquire()) {
            leg.channels--;
        }
        closeIfUnused(leg);
    }

    @Override
    public void registered(Registration target) {
        try (SpinLock _ = guard.acquire()) {
            registration = target;
        }
        if (legs.stream().allMatch(leg -> leg.lost)) {
            target.remove();
        } else {
            resize();
        }
    }

    @Override
    public RaidBdev spec() {
        return spec;
    }

    @Override
    public List<BaseDevice> bases() {
        List<BaseDevice> there = new ArrayList<>();
        legs.forEach(leg -> there.add(leg.lost ? null : leg.base));
        return there;
    }

    @Override
    public long dataBlocks(BaseDevice base) {
        return blockCount();
    }

    private long blockCount() {
        return legs.stream()
                .filter(leg -> !leg.lost)
                .mapToLong(leg -> leg.base.geometry().blockCount())
                .min()
                .orElse(1);
    }

    @Override
    public String productName() {
        return "Raid Volume";
    }

    @Override
    public BdevGeometry geometry() {
        int blockSize = legs.getFirst().base.geometry().blockSize();
        int alignment = legs.stream().mapToInt(leg -> leg.base.geometry().bufferAlignmentBytes()).max().orElseThrow();
        return new BdevGeometry(blockSize, blockCount(), 0, false, 0, 0, alignment, 1);
    }

    @Override
    public boolean supports(IoType type) {
        return switch (type) {
            case READ, WRITE, UNMAP, FLUSH ->
                    legs.stream().filter(leg -> !leg.lost).allMatch(leg -> leg.base.supports(type));
            case WRITE_ZEROES, COMPARE, COMPARE_AND_WRITE, COPY, RESET, ABORT -> false;
        };
    }

    @Override
    public Channel openChannel(SpdkThread thread) {
        MirrorChannel channel = new MirrorChannel(thread);
        channels.add(channel);
        try {
            for (Leg leg : legs) {
                if (hold(leg)) {
                    try {
                        channel.lowers[leg.index] = leg.base.openChannel(thread);
                    } catch (Throwable e) {
                        channelClosed(leg);
                        throw e;
                    }
                    // Lost meanwhile: the word of it may have come too early.
                    channel.closeIfLost(leg);
                }
            }
        } catch (Throwable e) {
            channel.close();
            throw e;
        }
        return channel;
    }

    /** A base stays open for a channel that is to be opened; false if it is lost already. */
    private boolean hold(Leg leg) {
        try (SpinLock _ = guard.acquire()) {
            if (leg.lost) {
                return false;
            }
            leg.channels++;
            return true;
        }
    }

    @Override
    public void close() {
        for (Leg leg : legs) {
            try (SpinLock _ = guard.acquire()) {
                leg.lost = true;
            }
            closeIfUnused(leg);
        }
    }

    private final class MirrorChannel implements Channel {
        private final SpdkThread thread;
        private final BaseDevice.Lower[] lowers = new BaseDevice.Lower[legs.size()];
        private final int[] outstanding = new int[legs.size()];
        private final long[] readBlocks = new long[legs.size()];

        /** Those that an abort was asked for: that a base aborts them says nothing about the base. */
        private final Set<BdevIo> aborting = Collections.newSetFromMap(new IdentityHashMap<>());

        MirrorChannel(SpdkThread thread) {
            this.thread = thread;
        }

        private boolean usable(int index) {
            return lowers[index] != null && !legs.get(index).lost;
        }

        @Override
        public void submit(BdevIo io) {
            if (io.type() == IoType.READ) {
                read((IoRequest) io, new Read());
            } else {
                change((IoRequest) io);
            }
        }

        private void complete(IoRequest io, int status) {
            aborting.remove(io);
            io.complete(status);
        }

        private void begin(int index) {
            outstanding[index]++;
        }

        private void end(int index) {
            outstanding[index]--;
            closeIfLost(legs.get(index));
        }

        // ---- reads

        /** What is known of a read: which bases have failed it. */
        private static final class Read {
            private final BitSet failed = new BitSet();
            private int firstFailed = -1;
            private int firstStatus;
        }

        private void read(IoRequest io, Read read) {
            int best = -1;
            for (int i = 0; i < lowers.length; i++) {
                if (usable(i) && !read.failed.get(i) && (best < 0 || readBlocks[i] < readBlocks[best])) {
                    best = i;
                }
            }
            if (best < 0) {
                if (read.firstFailed >= 0) {
                    lose(legs.get(read.firstFailed));
                }
                complete(io, read.firstFailed < 0 ? IoStatus.INTERNAL_ERROR : read.firstStatus);
                return;
            }
            int from = best;
            begin(from);
            readBlocks[from] += io.blockCount();
            lowers[from].submit(io, 0, (whole, status) -> wasRead(whole, status, from, read));
        }

        private void wasRead(IoRequest io, int status, int from, Read read) {
            readBlocks[from] -= io.blockCount();
            end(from);
            if (status == IoStatus.SUCCESS) {
                writeBack(io, read);
            } else if (aborting.contains(io)) {
                complete(io, status);
            } else {
                if (read.firstFailed < 0) {
                    read.firstFailed = from;
                    read.firstStatus = status;
                }
                read.failed.set(from);
                read(io, read);
            }
        }

        /** Gives the base that could not read its data what another one had. */
        private void writeBack(IoRequest io, Read read) {
            int target = read.firstFailed;
            if (target < 0 || !usable(target)) {
                complete(io, IoStatus.SUCCESS);
                return;
            }
            begin(target);
            lowers[target].write(
                    io,
                    (whole, status) -> {
                        end(target);
                        if (status != IoStatus.SUCCESS) {
                            lose(legs.get(target));
                        }
                        complete(whole, IoStatus.SUCCESS);
                    });
        }

        // ---- changes

        /** A change goes to every base and is done when one has done it; those that failed it are lost. */
        private static final class Change {
            private final List<Leg> failed = new ArrayList<>();
            private int missing;
            private int status;
            private boolean done;

            Change(int count) {
                missing = count;
            }
        }

        private void change(IoRequest io) {
            int[] there = IntStream.range(0, lowers.length).filter(this::usable).toArray();
            if (there.length == 0) {
                complete(io, IoStatus.INTERNAL_ERROR);
                return;
            }
            Change change = new Change(there.length);
            for (int at : there) {
                begin(at);
                lowers[at].submit(io, 0, (whole, status) -> wasChanged(whole, status, at, change));
            }
        }

        private void wasChanged(IoRequest io, int status, int at, Change change) {
            end(at);
            if (status == IoStatus.SUCCESS) {
                change.done = true;
            } else {
                change.failed.add(legs.get(at));
                change.status = status;
            }
            if (--change.missing > 0) {
                return;
            }
            // An abort that reached every base has left them equal, as far as anybody may rely on.
            if (change.done || !aborting.contains(io)) {
                change.failed.forEach(MirrorDevice.this::lose);
            }
            complete(io, change.done ? IoStatus.SUCCESS : change.status);
        }

        // ---- the end

        @Override
        public void abort(BdevIo io) {
            aborting.add(io);
            for (BaseDevice.Lower lower : lowers) {
                if (lower != null) {
                    lower.abort((IoRequest) io);
                }
            }
        }

        /** From any thread. */
        void drop(Leg leg) {
            leg.base.run(thread, () -> closeIfLost(leg));
        }

        private void closeIfLost(Leg leg) {
            if (leg.lost && outstanding[leg.index] == 0) {
                closeLower(leg.index);
            }
        }

        private void closeLower(int index) {
            BaseDevice.Lower lower = lowers[index];
            if (lower != null) {
                lowers[index] = null;
                lower.close();
                channelClosed(legs.get(index));
            }
        }

        @Override
        public void close() {
            channels.remove(this);
            for (int i = 0; i < lowers.length; i++) {
                closeLower(i);
            }
        }
    }
}
