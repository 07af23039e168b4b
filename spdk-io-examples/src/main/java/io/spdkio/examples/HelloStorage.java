package io.spdkio.examples;

import io.spdkio.IoChannel;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.AioBdev;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Writes a greeting to a file-backed device, makes it durable, and reads it back. */
public final class HelloStorage {
    private HelloStorage() {}

    /**
     * Runs it.
     *
     * @param args the file; hello.img in the current folder by default
     */
    public static void main(String[] args) {
        Path file = Path.of(args.length > 0 ? args[0] : "hello.img");
        byte[] greeting = "Hello, storage!".getBytes(StandardCharsets.UTF_8);

        try (SpdkEnv env = SpdkEnv.open();
                SpdkThread thread = env.attachThread("main")) {
            Bdev bdev = env.bdevs().create(AioBdev.create("disk0", file, 1 << 20)).join();
            try (BdevDesc desc = bdev.open(OpenMode.READ_WRITE);
                    IoChannel channel = thread.ioChannel(desc);
                    DmaBuf buffer = env.dma().allocate(4096)) {
                buffer.put(0, greeting);
                desc.write(channel, buffer, 8192, 4096).thenCompose(_ -> desc.flush(channel)).join();

                buffer.fill((byte) 0);
                desc.read(channel, buffer, 8192, 4096).join();
                System.out.println(new String(buffer.get(0, greeting.length), StandardCharsets.UTF_8));
            }
        }
    }
}
