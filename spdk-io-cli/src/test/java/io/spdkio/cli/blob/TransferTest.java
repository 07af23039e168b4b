package io.spdkio.cli.blob;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.blob.Blob;
import io.spdkio.blob.BlobId;
import io.spdkio.blob.BlobOptions;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.cli.dd.Crc32cSum;

import org.junit.jupiter.api.Test;

import picocli.CommandLine;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;

class TransferTest {
    private static final int MIB = 1 << 20;

    @Test
    void verifyFindsABlobThatDoesNotHoldWhatWasCopied() {
        PrintWriter nowhere = new PrintWriter(new StringWriter());
        Console console = new Console(nowhere, nowhere, false, false, 80, false);
        ImportCommand command = new ImportCommand(console);
        var _ = new CommandLine(command).parseArgs("--bdev", "malloc:16MiB", "file");
        try (Device device = Device.open(command.options, false);
                OpenStore open = OpenStore.init(device, BlobstoreOptions.defaults())) {
            BlobId id = open.store().create(BlobOptions.thin(2)).join();
            try (Blob blob = open.store().open(id).join()) {
                BlobEndpoint target = BlobEndpoint.of(open, "it", blob);
                byte[] bytes = new byte[2 * MIB];
                command.transfer.verify(console, open, target, bytes.length, sum(bytes));
                bytes[MIB + 3] = 1;
                Crc32cSum other = sum(bytes);

                assertThatThrownBy(() -> command.transfer.verify(console, open, target, bytes.length, other))
                        .isInstanceOf(CliException.class)
                        .hasMessageContaining("it differs");
            }
        }
    }

    private static Crc32cSum sum(byte[] bytes) {
        Crc32cSum sum = new Crc32cSum();
        sum.add(0, ByteBuffer.wrap(bytes));
        return sum;
    }
}
