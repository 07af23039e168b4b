package io.spdkio.tck.process;

import io.spdkio.IdleStrategy;
import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevBackend;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.BdevGeometry;
import io.spdkio.bdev.BdevIo;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.DelayBdev;
import io.spdkio.bdev.IoQueue;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * What a program must not do, each case as a program of its own: it prints {@code threw} and what, and ends with 0.
 * Anything else, a crash above all, shows.
 */
@SuppressWarnings("FutureReturnValueIgnored") // ignoring what should not be ignored is the point
enum Misuses {
    READ_OF_A_CLOSED_BUFFERS_SEGMENT(IllegalStateException.class) {
        @Override
        void run(Setting it) {
            MemorySegment segment = it.buffer.segment();
            it.buffer.close();
            segment.get(ValueLayout.JAVA_LONG, 0);
        }
    },
    WRITE_TO_A_CLOSED_BUFFERS_BYTES(IllegalStateException.class) {
        @Override
        void run(Setting it) {
            ByteBuffer bytes = it.buffer.byteBuffer();
            it.buffer.close();
            bytes.putLong(0, 1);
        }
    },
    READ_OF_A_SEGMENT_AFTER_THE_ENVIRONMENT(IllegalStateException.class) {
        @Override
        void run(Setting it) {
            MemorySegment segment = it.buffer.segment();
            it.env.close();
            segment.fill((byte) 1);
        }
    },
    ACCESS_PAST_THE_END_OF_A_BUFFER(IndexOutOfBoundsException.class) {
        @Override
        void run(Setting it) {
            it.buffer.segment().set(ValueLayout.JAVA_BYTE, it.buffer.sizeBytes(), (byte) 1);
        }
    },
    IO_WITH_A_CLOSED_BUFFER(SpdkException.Closed.class) {
        @Override
        void run(Setting it) {
            it.buffer.close();
            it.desc.write(it.channel, it.buffer, 0, 4096).join();
        }
    },
    IO_INTO_A_BUFFER_THAT_IS_TOO_SMALL(IllegalArgumentException.class) {
        @Override
        void run(Setting it) {
            it.desc.read(it.channel, it.env.dma().allocate(100), 0, 4096).join();
        }
    },
    IO_PAST_THE_END_OF_THE_DEVICE(IllegalArgumentException.class) {
        @Override
        void run(Setting it) {
            it.desc.read(it.channel, it.buffer, it.desc.bdev().sizeBytes(), 4096).join();
        }
    },
    IO_WHOSE_END_OVERFLOWS(IllegalArgumentException.class) {
        @Override
        void run(Setting it) {
            it.desc.read(it.channel, it.buffer, Long.MAX_VALUE - 4095, 4096).join();
        }
    },
    CLOSE_OF_A_LEASED_BUFFER(SpdkException.Busy.class) {
        @Override
        void run(Setting it) {
            it.slow().read(it.slowChannel, it.buffer, 0, 4096);
            it.buffer.close();
        }
    },
    CLOSE_OF_A_BUFFER_WHOSE_READ_WAS_CANCELLED(SpdkException.Busy.class) {
        @Override
        void run(Setting it) {
            it.held().read(it.slowChannel, it.buffer, 0, 4096).cancel(true);
            it.thread.poll();
            it.buffer.close();
        }
    },
    IO_ON_A_CLOSED_DESCRIPTOR(SpdkException.Closed.class) {
        @Override
        void run(Setting it) {
            it.desc.close();
            it.desc.read(it.channel, it.buffer, 0, 4096).join();
        }
    },
    IO_ON_A_CLOSED_CHANNEL(SpdkException.Closed.class) {
        @Override
        void run(Setting it) {
            it.channel.close();
            it.desc.read(it.channel, it.buffer, 0, 4096).join();
        }
    },
    IO_ON_A_CLOSED_QUEUE(SpdkException.Closed.class) {
        @Override
        void run(Setting it) {
            IoQueue queue = it.desc.openQueue(it.channel, 4, (_, _) -> {});
            queue.read(it.buffer, 0, 4096, 1);
            queue.close();
            queue.read(it.buffer, 0, 4096, 1);
        }
    },
    IO_AFTER_THE_THREAD_HAS_EXITED(SpdkException.Closed.class) {
        @Override
        void run(Setting it) {
            it.thread.close();
            it.desc.read(it.channel, it.buffer, 0, 4096).join();
        }
    },
    IO_AFTER_THE_ENVIRONMENT_IS_CLOSED(SpdkException.Closed.class) {
        @Override
        void run(Setting it) {
            it.env.close();
            it.desc.read(it.channel, it.buffer, 0, 4096).join();
        }
    },
    A_MESSAGE_TO_AN_EXITED_THREAD(SpdkException.Closed.class) {
        @Override
        void run(Setting it) {
            it.thread.close();
            it.thread.execute(() -> {});
        }
    },
    IO_ON_THE_WRONG_THREAD(SpdkException.WrongThread.class) {
        @Override
        void run(Setting it) throws Exception {
            it.elsewhere(() -> it.desc.read(it.channel, it.buffer, 0, 4096).join());
        }
    },
    POLL_ON_THE_WRONG_THREAD_WHILE_ITS_OWNER_POLLS(SpdkException.WrongThread.class) {
        @Override
        void run(Setting it) throws Exception {
            SpdkThread other =
                    it.env
                            .spawnThread(
                                    "other",
                                    thread -> {
                                        thread.run(IdleStrategy.busySpin());
                                        return null;
                                    })
                            .thread();
            for (int i = 0; i < 1_000; i++) {
                try {
                    other.poll();
                    return;
                } catch (SpdkException.WrongThread e) {
                    // Again.
                }
            }
            other.poll();
        }
    },
    A_SECOND_ENVIRONMENT(SpdkException.Busy.class) {
        @Override
        void run(Setting it) {
            ProcessTck.environment().build();
        }
    },
    ENVIRONMENT_CLOSED_WITH_IO_OUTSTANDING(SpdkException.class) {
        @Override
        void run(Setting it) {
            var read = it.slow().read(it.slowChannel, it.buffer, 0, 4096);
            it.env.close();
            read.join();
        }
    },
    ENVIRONMENT_CLOSED_WITH_IO_THAT_NEVER_ENDS(IllegalStateException.class) {
        @Override
        void run(Setting it) {
            // The device never gives the I/O back, so the memory must stay: but handles are closed.
            it.held().read(it.slowChannel, it.buffer, 0, 4096);
            it.env.close();
            it.buffer.segment().fill((byte) 1);
            throw new IllegalStateException("the memory is still there, as it must");
        }
    },
    DEVICE_REMOVED_WITH_IO_OUTSTANDING(SpdkException.class) {
        @Override
        void run(Setting it) {
            var read = it.slow().read(it.slowChannel, it.buffer, 0, 4096);
            it.env.bdevs().destroy("slow");
            read.join();
        }
    },
    EVERYTHING_CLOSED_IN_THE_WRONG_ORDER(SpdkException.Closed.class) {
        @Override
        void run(Setting it) {
            IoQueue queue = it.desc.openQueue(it.channel, 4, (_, _) -> {});
            it.env.close();
            it.thread.close();
            it.desc.close();
            it.channel.close();
            queue.close();
            it.buffer.close();
            it.env.close();
            it.env.dma().allocate(1);
        }
    },
    A_FILE_TRUNCATED_UNDER_A_DEVICE(SpdkException.class) {
        @Override
        void run(Setting it) throws Exception {
            Path file = Files.createTempFile("spdk-io-misuse", ".img");
            try {
                Bdev bdev = it.env.bdevs().create(AioBdev.create("f", file, 1 << 20)).join();
                BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
                IoChannel channel = it.thread.ioChannel(desc);
                try (var truncating =
                        java.nio.channels.FileChannel.open(file, java.nio.file.StandardOpenOption.WRITE)) {
                    truncating.truncate(0);
                }
                desc.read(channel, it.buffer, 512 << 10, 4096).join();
            } finally {
                Files.delete(file);
            }
        }
    },
    A_BACKEND_THAT_COMPLETES_TWICE(IllegalStateException.class) {
        @Override
        void run(Setting it) {
            BdevDesc desc = it.held();
            desc.read(it.slowChannel, it.buffer, 0, 4096);
            while (it.ios.isEmpty()) {
                it.thread.poll();
            }
            BdevIo io = it.ios.getFirst();
            io.complete();
            io.complete();
        }
    },
    A_BACKEND_THAT_KEEPS_THE_MEMORY(IllegalStateException.class) {
        @Override
        void run(Setting it) {
            BdevDesc desc = it.held();
            var read = desc.read(it.slowChannel, it.buffer, 0, 4096);
            while (it.ios.isEmpty()) {
                it.thread.poll();
            }
            MemorySegment kept = it.ios.getFirst().segment(0);
            it.ios.getFirst().complete();
            read.join();
            it.buffer.close();
            kept.fill((byte) 1);
        }
    },
    A_LOOP_OF_COMPLETIONS_THAT_WAIT_FOR_EACH_OTHER(IllegalStateException.class) {
        @Override
        void run(Setting it) {
            nest(it, 0);
        }

        private void nest(Setting it, int depth) {
            it.desc.read(it.channel, it.buffer, 0, 4096).thenRun(() -> nest(it, depth + 1)).join();
        }
    },
    AN_EXCEPTION_IN_EVERY_CALLBACK(SpdkException.Closed.class) {
        @Override
        void run(Setting it) {
            it.thread.execute(() -> {
                throw new OutOfMemoryError("on purpose");
            });
            it.thread.registerPoller(
                    "p",
                    Duration.ZERO,
                    () -> {
                        throw new StackOverflowError("on purpose");
                    });
            IoQueue queue =
                    it.desc.openQueue(
                            it.channel,
                            4,
                            (_, _) -> {
                                throw new ThreadDeathOnPurpose();
                            });
            queue.read(it.buffer, 0, 4096, 1);
            for (int i = 0; i < 100; i++) {
                it.thread.poll();
            }
            it.thread.close();
            it.thread.execute(() -> {});
        }
    },
    EXIT_WITHOUT_CLOSING_ANYTHING(IllegalStateException.class) {
        @Override
        void run(Setting it) {
            it.slow().read(it.slowChannel, it.buffer, 0, 4096);
            it.env.spawnThread(
                    "other",
                    thread -> {
                        thread.run(IdleStrategy.busySpin());
                        return null;
                    });
            throw new IllegalStateException("the program ends here");
        }
    };

    private static final class ThreadDeathOnPurpose extends Error {
        private static final long serialVersionUID = 1;
    }

    final Class<? extends Throwable> expected;

    Misuses(Class<? extends Throwable> expected) {
        this.expected = expected;
    }

    abstract void run(Setting it) throws Exception;

    /** A program's usual surroundings. */
    static final class Setting {
        final SpdkEnv env = ProcessTck.environment().exceptionHandler((_, _) -> {}).build();
        final SpdkThread thread = env.attachThread("main");
        final DmaBuf buffer = env.dma().allocate(4096);
        final List<BdevIo> ios = new ArrayList<>();
        final BdevDesc desc;
        final IoChannel channel;
        IoChannel slowChannel;

        Setting() {
            desc = env.bdevs().create(MallocBdev.of("m", 1 << 20)).join().open(OpenMode.READ_WRITE);
            channel = thread.ioChannel(desc);
        }

        /** A device that takes hours. */
        BdevDesc slow() {
            env.bdevs().create(MallocBdev.of("base", 1 << 20)).join();
            BdevDesc slow =
                    env.bdevs()
                            .create(DelayBdev.of("slow", "base", Duration.ofHours(10)))
                            .join()
                            .open(OpenMode.READ_WRITE);
            slowChannel = thread.ioChannel(slow);
            return slow;
        }

        /** A device that does nothing by itself. */
        BdevDesc held() {
            BdevBackend backend =
                    new BdevBackend() {
                        @Override
                        public String productName() {
                            return "held";
                        }

                        @Override
                        public BdevGeometry geometry() {
                            return BdevGeometry.of(4096, 64);
                        }

                        @Override
                        public boolean supports(IoType type) {
                            return type == IoType.READ || type == IoType.WRITE;
                        }

                        @Override
                        public Channel openChannel(SpdkThread on) {
                            return ios::add;
                        }
                    };
            BdevDesc held = env.bdevs().create(CustomBdev.of("held", backend)).join().open(OpenMode.READ_WRITE);
            slowChannel = thread.ioChannel(held);
            return held;
        }

        void elsewhere(Runnable task) throws Exception {
            Throwable[] thrown = new Throwable[1];
            Thread other =
                    Thread.ofPlatform()
                            .start(() -> {
                                try {
                                    task.run();
                                } catch (Throwable e) {
                                    thrown[0] = e;
                                }
                            });
            other.join();
            if (thrown[0] instanceof RuntimeException e) {
                throw e;
            }
        }
    }

    /** The program. */
    static final class Program {
        private Program() {}

        public static void main(String[] arguments) {
            Misuses misuse = valueOf(arguments[0]);
            try {
                misuse.run(new Setting());
                System.out.println("threw nothing");
            } catch (Throwable e) {
                Throwable cause =
                        e instanceof java.util.concurrent.CompletionException && e.getCause() != null ? rootOf(e) : e;
                System.out.println("threw " + (misuse.expected.isInstance(cause) ? "as expected " : "") + cause);
            }
            System.out.println("done");
        }

        private static Throwable rootOf(Throwable e) {
            Throwable root = e;
            while (root.getCause() != null) {
                root = root.getCause();
            }
            return root;
        }
    }
}
