package io.spdkio.cli.blob;

import io.spdkio.blob.Blob;
import io.spdkio.cli.Console;

import picocli.CommandLine.Parameters;

import java.io.IOException;

/** A command on a blob of a store. */
abstract class OneBlobCommand extends StoreCommand {
    /** As the user calls it. */
    @Parameters(index = "0", paramLabel = "BLOB", description = "Its id or name.")
    String blob;

    OneBlobCommand(Console console) {
        super(console);
    }

    /** What is done with the open blob. */
    @FunctionalInterface
    interface OnBlob {
        void run(OpenStore open, Blob opened) throws IOException;
    }

    /** Loads the store, opens the blob, does something with it, and closes both. */
    void onBlob(OnBlob body) throws IOException {
        onStore(open -> {
            try (Blob opened = open.open(blob)) {
                body.run(open, opened);
            }
        });
    }
}
